"""Requests that no page of this server makes."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from frugal_motion.tools.server import Server

from .client import ask

POSTS = ["/cache/purge", "/cache/pin", "/cache/verify", "/settings", "/unload", "/prewarm", "/estimate"]
POSTS += ["/models/download", "/models/cancel", "/motion/edit"]
JSON = {"Content-Type": "application/json"}


def asked(server: Server, path: str, headers: dict[str, str], body: Any = b"{}") -> int:
    """Status of a POST."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    try:
        connection.request("POST", "/frugal-motion" + path, body, headers)
        return connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        return 413  # it has hung up before all was sent
    finally:
        connection.close()


@pytest.mark.parametrize("path", POSTS)
def test_other_pages_get_nothing_done(server: Server, path: str) -> None:
    before = ask(server, "/settings")[1]["values"]
    assert asked(server, path, {**JSON, "Origin": "https://elsewhere.example", "Host": "127.0.0.1"}) == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert asked(server, path, {"Content-Type": kind}) == 400, "what a form of any page may post"
    assert ask(server, "/settings")[1]["values"] == before


@pytest.mark.parametrize("path", POSTS)
def test_giant_bodies_are_refused(server: Server, path: str) -> None:
    assert asked(server, path, JSON, b" " * 33_000_000 + b"{}") == 413
    assert ask(server, "/settings")[0] == 200


@pytest.mark.parametrize("path", ["/models/..%2f..%2fsettings", "/jobs/..%2f..%2fx", "/runs/..%2f..%2fserver.log"])
def test_paths_lead_nowhere(server: Server, path: str) -> None:
    code, _ = ask_raw(server, "/frugal-motion" + path)
    assert code in (400, 401, 403, 404)
    code, _ = ask_raw(server, "/extensions/frugal-motion/..%2f..%2fpyproject.toml")
    assert code in (403, 404)


def ask_raw(server: Server, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()
