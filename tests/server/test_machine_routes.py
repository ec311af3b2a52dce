"""The GPU and the settings over HTTP, and models that leave by themselves, on a real ComfyUI server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.jobs.job_store import JobStore
from frugal_motion.tools.server import Server, running

from ..conftest import ROOT
from .client import ask, until
from .test_jobs import SMALL


@pytest.fixture(scope="module")
def own(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose settings these tests may change."""
    with running(comfyui, tmp_path_factory.mktemp("machine"), assets=assets) as server:
        yield server


@pytest.fixture
def workflow() -> dict[str, Any]:
    prompt: dict[str, Any] = json.loads((ROOT / "workflows/api/motion_edit.json").read_text(encoding="utf-8"))
    for node in prompt.values():
        if node["class_type"] == "CheckpointLoaderSimple":
            node["inputs"]["ckpt_name"] = "frugal-demo.ckpt"
        if node["class_type"] == "ControlNetLoader":
            node["inputs"]["control_net_name"] = "frugal-demo-openpose.safetensors"
    return prompt


def gpu(server: Server) -> Any:
    return ask(server, "/gpu")[1]


def prewarmed(server: Server, workflow: dict[str, Any]) -> Any:
    """The history of a prewarming, when it is through."""
    code, answer = ask(server, "/prewarm", {"prompt": workflow})
    assert code == 202, answer
    return until(lambda: server.get(f"/history/{answer['prompt_id']}"), "prewarming")[answer["prompt_id"]]


@pytest.mark.slow
def test_models_are_loaded_ahead_and_leave_when_nothing_comes(own: Server, workflow: dict[str, Any]) -> None:
    assert ask(own, "/settings", {"idle_minutes": 0})[0] == 200
    history = prewarmed(own, workflow)
    assert history["status"]["status_str"] == "success"
    assert sorted(history["outputs"]) == [
        "prewarm 12 0",
        "prewarm 14 0",
        "prewarm 6 0",
        "prewarm 6 1",
        "prewarm 6 2",
        "prewarm 7 0",
    ]
    assert "GB loaded in" in history["outputs"]["prewarm 6 0"]["text"][0]
    state = gpu(own)
    assert {"BaseModel", "ControlNet"} <= {model["name"] for model in state["models"]}
    assert all(model["bytes"] > 0 for model in state["models"])
    assert state["unload_in_seconds"] is None and not state["busy"]

    assert ask(own, "/settings", {"idle_minutes": 1 / 60})[0] == 200
    until(lambda: gpu(own)["idle_unloads"], "the beginning of the unloading")
    until(lambda: gpu(own)["models"] == [], "unloading")
    assert "models are unloaded" in own.log.read_text(encoding="utf-8")

    prewarmed(own, workflow)
    assert gpu(own)["models"] or gpu(own)["idle_unloads"] == 2
    until(lambda: gpu(own)["idle_unloads"] == 2, "unloading a second time")


def test_unloading_at_once(own: Server, workflow: dict[str, Any]) -> None:
    ask(own, "/settings", {"idle_minutes": 0})
    prewarmed(own, workflow)
    assert gpu(own)["models"]
    assert ask(own, "/unload", {"free_memory": True}) == (202, {"free_memory": True})
    until(lambda: not gpu(own)["models"], "unloading")


def test_settings_stay_and_say_what_they_mean(own: Server) -> None:
    code, state = ask(own, "/settings", {"cache_days": 30, "gpu": "L4"})
    assert code == 200 and state["values"]["cache_days"] == 30
    assert json.loads(Path(state["file"]).read_text(encoding="utf-8"))["gpu"] == "L4"
    assert state["schema"]["idle_minutes"]["title"] == "Minutes until models leave the GPU"
    assert ask(own, "/settings")[1]["values"] == state["values"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/settings", {"idle_minutes": -1}, "greater than or equal to 0"),
        ("/settings", {"gpu_price": "much"}, "valid number"),
        ("/settings", {"gpu_price": 1e9}, "1000"),
        ("/settings", {"colour": 1}, "not permitted"),
        ("/settings", {"cache_folder": "/tmp/elsewhere"}, "over HTTP"),
        ("/settings", {"idle_exit_minutes": 1}, "over HTTP"),
        ("/settings", [1], "JSON object"),
        ("/unload", {"free_memory": 1}, "true or false"),
        ("/unload", {"all": True}, "free_memory"),
        ("/prewarm", {}, "a workflow in API form"),
        ("/prewarm", {"prompt": {"1": {}}}, "a workflow in API form"),
        ("/prewarm", {"prompt": {"1": {"class_type": "NoSuch", "inputs": {}}}}, "no node that loads a model"),
        ("/prewarm", b"{", "no JSON"),
    ],
)
def test_bad_requests_are_told_why(own: Server, path: str, body: Any, words: str) -> None:
    before = ask(own, "/settings")[1]["values"]
    code, found = ask(own, path, body)
    assert code == 400 and words in found["error"]
    assert ask(own, "/settings")[1]["values"] == before


def test_many_names_that_are_none_are_not_answered_one_by_one(own: Server) -> None:
    code, found = ask(own, "/settings", {f"name {number}": 1 for number in range(10_000)})
    assert code == 413 and "100000 bytes" in found["error"]


def test_prewarming_a_model_that_is_not_there(own: Server, workflow: dict[str, Any]) -> None:
    workflow["6"]["inputs"]["ckpt_name"] = "nowhere.safetensors"
    code, found = ask(own, "/prewarm", {"prompt": workflow})
    assert code == 400 and "nowhere.safetensors" in found["error"]


@pytest.mark.slow
def test_a_fleet_machine_leaves_when_no_job_waits_for_others(comfyui: Path, assets: Path, tmp_path: Path) -> None:
    with running(comfyui, tmp_path, assets=assets) as server:
        settings = {"jobs_window_seconds": 4}
        (tmp_path / "user/frugal-motion/settings.json").write_text(json.dumps(settings), encoding="utf-8")
        code, job = ask(server, "/jobs", {"workflow": "motion_edit", "values": SMALL})
        assert code == 202
        settings |= {"idle_exit_minutes": 0.01, "idle_exit_code": 42}
        (tmp_path / "user/frugal-motion/settings.json").write_text(json.dumps(settings), encoding="utf-8")
        assert server.process.wait(600) == 42
    with closing(JobStore(tmp_path / "user" / "frugal-motion" / "jobs.sqlite")) as store:
        assert store.find(job["job_id"]).state == "done"
