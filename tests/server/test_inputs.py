"""Inputs over HTTP, on a real ComfyUI server."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.server.input_routes import _remove_left_behind as remove_left_behind
from frugal_motion.tools.server import Server

from .client import until

CONTENT = b"a clip" * 500_000  # more than a block
LARGEST = 100 * 1024 * 1024
"""ComfyUI's own limit, if it is told nothing else."""


def name_of(content: bytes, suffix: str = ".mp4") -> str:
    return hashlib.sha256(content).hexdigest() + suffix


def ask(server: Server, method: str, name: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON; ``None`` for an answer without words."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)  # none hangs
    connection.request(method, f"/frugal-motion/inputs/{name}", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def inputs(server: Server) -> Path:
    return server.base / "input"


def parts(server: Server) -> list[Path]:
    return list(inputs(server).glob(".*.sending"))


def test_a_file_is_sent_once_and_can_be_named(server: Server) -> None:
    name = name_of(CONTENT)
    assert ask(server, "HEAD", name) == (404, None)
    assert ask(server, "GET", name) == (404, {"error": f"no input {name} is here"})
    told = {"name": name, "bytes": len(CONTENT)}
    assert ask(server, "PUT", name, CONTENT) == (201, told)
    assert (inputs(server) / name).read_bytes() == CONTENT
    before = (inputs(server) / name).stat()
    assert ask(server, "HEAD", name) == (200, None)
    assert ask(server, "GET", name) == (200, told)
    assert ask(server, "PUT", name, CONTENT) == (200, told)
    after = (inputs(server) / name).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert parts(server) == []


def test_one_that_was_damaged_here_is_whole_again(server: Server) -> None:
    content = CONTENT + b"2"
    (inputs(server) / name_of(content)).write_bytes(b"damaged")
    assert ask(server, "PUT", name_of(content), content)[0] == 200
    assert (inputs(server) / name_of(content)).read_bytes() == content


def test_a_body_in_pieces_will_do(server: Server) -> None:
    pieces = [b"a", b"bc", b"d" * 100_000]
    name = name_of(b"".join(pieces), ".safetensors")
    assert ask(server, "PUT", name, iter(pieces))[0] == 201
    assert (inputs(server) / name).read_bytes() == b"".join(pieces)


def test_a_file_that_is_not_what_its_name_says_is_refused(server: Server) -> None:
    name = name_of(b"another")
    code, answer = ask(server, "PUT", name, CONTENT)
    assert code == 400 and hashlib.sha256(CONTENT).hexdigest() in answer["error"]
    assert ask(server, "HEAD", name)[0] == 404 and parts(server) == []


@pytest.mark.parametrize("name", ["clip.mp4", "..%2F..%2Fclip.mp4", "%2e%2e", f"{'A' * 64}.mp4", f"{'a' * 65}.mp4"])
def test_other_names_are_refused(name: str, server: Server) -> None:
    before = sorted(path.name for path in inputs(server).iterdir())
    for method in ("GET", "PUT"):
        code, answer = ask(server, method, name, b"x" if method == "PUT" else None)
        assert code in (400, 404) and (answer is None or "SHA-256 of the file" in answer["error"])
    assert sorted(path.name for path in inputs(server).iterdir()) == before


@pytest.mark.parametrize("suffix", ["", ".html", ".py", ".MP4", ".mp4.html", ".%2fmp4"])
def test_other_kinds_are_refused(suffix: str, server: Server) -> None:
    code, answer = ask(server, "PUT", name_of(b"x", suffix), b"x")
    assert code == 415 and ".mp4" in answer["error"]


def test_what_is_too_large_for_comfyui_is_refused(server: Server) -> None:
    name = name_of(b"large")
    code, answer = ask(server, "PUT", name, None, **{"Content-Length": str(LARGEST + 1)})
    assert code == 413 and "--max-upload-size" in answer["error"]
    code, answer = ask(server, "PUT", name, (bytes(1 << 20) for _ in range(101)))
    assert code == 413 and parts(server) == []


def test_an_upload_that_is_cut_off_leaves_nothing(server: Server) -> None:
    name = name_of(CONTENT + b"cut")
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PUT /frugal-motion/inputs/{name} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode() + CONTENT)
        until(lambda: parts(server), "the upload's beginning")
    until(lambda: not parts(server), "the end of what was cut off")
    assert ask(server, "HEAD", name)[0] == 404
    assert name not in server.log.read_text(encoding="utf-8", errors="replace")  # no fault of the server


def test_two_may_send_the_same_at_once(server: Server) -> None:
    content = CONTENT + b"both"
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(server, "PUT", name_of(content), content)[0]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 201}
    assert (inputs(server) / name_of(content)).read_bytes() == content and parts(server) == []


def test_a_token_guards_them(server: Server) -> None:
    settings = server.base / "user" / "frugal-motion" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    before = settings.read_text(encoding="utf-8") if settings.exists() else "{}"
    settings.write_text(json.dumps({**json.loads(before), "jobs_token": "secret"}), encoding="utf-8")
    try:
        name = name_of(b"guarded")
        until(lambda: ask(server, "HEAD", name)[0] == 401, "that the settings are read")
        assert ask(server, "PUT", name, b"guarded")[0] == 401
        assert not (inputs(server) / name).exists()
        assert ask(server, "PUT", name, b"guarded", Authorization="Bearer secret")[0] == 201
    finally:
        settings.write_text(before, encoding="utf-8")
    until(lambda: ask(server, "HEAD", name)[0] == 200, "that the settings are read")


def test_what_was_cut_off_with_the_server_is_removed_later(tmp_path: Path) -> None:
    old, young, other = tmp_path / ".a.sending", tmp_path / ".b.sending", tmp_path / "clip.mp4"
    for path in (old, young, other):
        path.write_bytes(b"x")
    for path in (old, other):
        os.utime(path, (time.time() - 90_000,) * 2)
    remove_left_behind(tmp_path)
    assert sorted(tmp_path.iterdir()) == [young, other]


def test_machines_are_told_of_them(server: Server) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/frugal-motion/openapi.json")
    found = json.loads(connection.getresponse().read())
    connection.close()
    told = found["paths"]["/frugal-motion/inputs/{name}"]
    assert told.keys() == {"parameters", "put", "get"}
    assert set(told["put"]["responses"]) == {"200", "201", "400", "401", "403", "413", "415", "503"}
    (parameter,) = told["parameters"]
    assert re.search(parameter["schema"]["pattern"], name_of(b"x"))
    shown = ask(server, "PUT", name_of(b"told"), b"told")[1]
    assert shown.keys() == found["components"]["schemas"]["Input"]["properties"].keys()
