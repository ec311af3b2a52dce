"""Sixteen jobs of small clips against such clips posted one by one, in turns of eight on one server."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench._compare import result
from tools.server import Server, running

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "make bench ONLY=jobs"
JOBS, ROUNDS = 8, 2
TEXTS = ("a neon robot at night", "a wooden mannequin in the snow", "a marble statue in a forest", "a robot in a city")
SMALL: dict[str, Any] = {
    "Checkpoint.ckpt_name": "frugal-demo.ckpt",
    "ControlNet.control_net_name": "frugal-demo-openpose.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Load Video.duration": 0.5,
    "Load Video.size": "custom",
    "Load Video.width": 128,
    "Load Video.height": 128,
    "Load Video.fit": "cover",
    "Sampler.cfg": 2.5,
    "Sampler.steps": 4,
    "Cache Keyframes.enabled": False,
    "Cache Video.enabled": False,
}


def measure() -> dict[str, dict[str, object]]:
    """Clips per second of both ways; models are loaded in a round before, which does not count."""
    comfyui = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
    seconds: dict[str, list[float]] = {"one by one": [], "jobs": []}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        settings = base / "user" / "frugal-motion" / "settings.json"
        settings.parent.mkdir(parents=True)
        # Poses are found once for each clip, and that would be in the first round.
        settings.write_text(json.dumps({"cache_automatic": False}), encoding="utf-8")
        with running(comfyui, base, assets=ROOT / ".assets") as server:
            for turn in range(ROUNDS + 1):
                for name, way in (("one by one", _one_by_one), ("jobs", _jobs)):
                    started = time.perf_counter()
                    way(server, turn * JOBS)
                    if turn:
                        seconds[name].append(time.perf_counter() - started)
    speeds = {name: JOBS * ROUNDS / sum(taken) for name, taken in seconds.items()}
    print("clips per second", {name: round(speed, 3) for name, speed in speeds.items()}, file=sys.stderr)
    ratio = speeds["jobs"] / speeds["one by one"]
    return {"jobs.clips_per_second_ratio": result(ratio, "x", 1.43, COMMAND)}


def _values(number: int) -> dict[str, Any]:
    clip = ("one_person.mp4", "two_people.mp4")[number % 2]
    # No two are of the same seconds: jobs of one prompt would share what is done before the sampler.
    start = {"Load Video.file": clip, "Load Video.start": number % JOBS * 0.05}
    return {**SMALL, **start, "Prompt.text": TEXTS[number % 4], "Sampler.seed": number}


def _jobs(server: Server, first: int) -> None:
    bodies = [{"workflow": "motion_edit", "values": _values(first + number)} for number in range(JOBS)]
    ids = [server.post("/frugal-motion/jobs", body)["job_id"] for body in bodies]
    while ids:
        time.sleep(0.1)
        states = {job: server.get(f"/frugal-motion/jobs/{job}") for job in ids}
        if failed := [one["error"] for one in states.values() if one["state"] == "failed"]:
            raise RuntimeError(failed[0])
        ids = [job for job, one in states.items() if one["state"] != "done"]


def _one_by_one(server: Server, first: int) -> None:
    """What a service does today: every clip is a prompt of its own, and all wait in ComfyUI's queue."""
    workflow = json.loads((ROOT / "workflows/api/motion_edit.json").read_text(encoding="utf-8"))
    titles = {node["_meta"]["title"]: node_id for node_id, node in workflow.items()}
    for number in range(JOBS):
        for name, value in _values(first + number).items():
            title, _, key = name.rpartition(".")
            workflow[titles[title]]["inputs"][key] = value
        server.post("/prompt", {"prompt": workflow})
    while server.get("/prompt")["exec_info"]["queue_remaining"]:
        time.sleep(0.1)
