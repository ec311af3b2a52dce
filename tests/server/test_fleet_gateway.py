"""A gateway whose fleet does not answer, on a real ComfyUI server that has no models of its own."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.tools.server import Server, free_port, running

from .client import ask, until
from .test_jobs import SMALL, post, state

VALUES = {"Load Video.file": "one_person.mp4"}


@pytest.fixture(scope="module")
def gateway(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("gateway")
    (base / "input").mkdir()
    shutil.copy(assets / "input" / "one_person.mp4", base / "input")
    env = {"FRUGAL_MOTION_FLEET": f"127.0.0.1:{free_port()}", "FRUGAL_MOTION_JOBS_WINDOW_SECONDS": "0"}
    with running(comfyui, base, env=env) as server:
        yield server


def test_jobs_are_accepted_and_held_and_it_says_why(gateway: Server) -> None:
    job = post(gateway, **VALUES)
    held = until(lambda: "Nobody answers" in state(gateway, job)["held"] and state(gateway, job)["held"], "a reason")
    found = state(gateway, job)
    assert (found["state"], found["position"], found["troubles"], found["worker"]) == ("queued", 1, [], "")
    code, fleet = ask(gateway, "/fleet")
    assert code == 200 and not fleet["up"] and fleet["why"] == held
    assert (fleet["queued"], fleet["running"], fleet["workers"]) == (1, 0, [])


def test_models_need_not_be_on_the_gateway_but_all_else_is_checked_there(gateway: Server) -> None:
    def answer(**values: Any) -> tuple[int, Any]:
        return ask(gateway, "/jobs", {"workflow": "motion_edit", "values": {**SMALL, **VALUES, **values}})

    assert "frugal-demo.ckpt" not in str(gateway.get("/object_info/CheckpointLoaderSimple"))
    assert answer(**{"Checkpoint.ckpt_name": r"folder\of its own\some.safetensors"})[0] == 202
    for wrong, said in (
        ({"Sampler.steps": -1}, "steps"),
        ({"Checkpoint.ckpt_name": "no model"}, "'no model' not in []"),
        ({"Checkpoint.ckpt_name": "a.ckpt", "Sampler.seed": -1}, "seed"),
    ):
        code, told = answer(**wrong)
        assert code == 400 and said in told["error"] and "a.ckpt" not in told["error"]
    code, told = answer(**{"Load Video.file": "no such.mp4"})
    assert code == 400 and "no such.mp4" in told["error"]


def test_a_job_that_is_held_can_be_cancelled(gateway: Server) -> None:
    job = post(gateway, **VALUES)
    assert ask(gateway, f"/jobs/{job}")[1]["state"] == "queued"
    request = urllib.request.Request(f"{gateway.url}/frugal-motion/jobs/{job}", method="DELETE")
    with urllib.request.urlopen(request) as reply:
        assert json.load(reply)["state"] == "cancelled"
    assert state(gateway, job)["held"] == ""
