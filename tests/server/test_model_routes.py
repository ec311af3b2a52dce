"""The models of the catalogue over HTTP, on a real ComfyUI server."""

from __future__ import annotations

from typing import Any

import pytest

from frugal_motion.tools.server import Server

from .client import ask, until

MISSING = "pose_landmarker_heavy.task"


def model(server: Server, name: str) -> dict[str, Any]:
    code, found = ask(server, "/models")
    assert code == 200
    (entry,) = [entry for entry in found["models"] if entry["name"] == name]
    return dict(entry)


def test_what_is_there_and_what_is_missing(server: Server) -> None:
    assert model(server, "rife_v4.26.safetensors")["path"]
    missing = model(server, MISSING)
    assert missing["path"] is None and missing["can_download"] and missing["url"].startswith("https://")
    unchecked = model(server, "control_v11p_sd15_openpose_fp16.safetensors")
    assert not unchecked["can_download"] and unchecked["url"], "no sum is known to check it by: people get the link"


def test_a_download_that_fails_says_why_and_may_be_tried_again(server: Server) -> None:
    # Tests reach no other machine, so that this fails whatever the network is like would be wrong to assert; that it
    # ends, one way or the other, is not.
    for _ in range(2):
        assert ask(server, "/models/cancel", {"name": MISSING})[0] == 200
        code, found = ask(server, "/models/download", {"name": MISSING})
        if code == 400:  # it came with the first try
            assert "there already" in found["error"]
            return
        assert code == 202
        until(lambda: not model(server, MISSING)["downloading"], "the end of the download", 120)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "found None"),
        ({"name": "../../etc/passwd"}, "allowed: "),
        ({"name": 3}, "allowed: "),
        ({"name": "one_person.mp4"}, "allowed: "),
        ({"name": "rife_v4.26.safetensors"}, "there already"),
        ({"name": "control_v11p_sd15_openpose_fp16.safetensors"}, "Get it from https://"),
        ({"name": MISSING, "url": "https://example.org"}, "JSON object of name"),
    ],
)
def test_bad_requests_are_told_why(server: Server, body: Any, words: str) -> None:
    code, found = ask(server, "/models/download", body)
    assert code == 400 and words in found["error"]
