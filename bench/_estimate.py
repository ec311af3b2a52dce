"""Estimates against what runs took: ``python bench/_estimate.py`` prints them as JSON.

Runs edits of twelve settings with the demo model on a server of its own; each is then estimated by the eleven others.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.demo import STAND_INS  # noqa: E402
from tools.pack import import_pack, register_nodes  # noqa: E402

COMFYUI = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
import_pack(COMFYUI)

import folder_paths  # noqa: E402

from frugal_motion.nodes.forecast.calibration import measured_of, work_of  # noqa: E402
from frugal_motion.nodes.forecast.estimate import Machine, gpu_seconds  # noqa: E402
from frugal_motion.nodes.forecast.throughput import calibrated  # noqa: E402
from frugal_motion.tools.server import Server, running  # noqa: E402

ASSETS = ROOT / ".assets"
WORKFLOW = ROOT / "workflows" / "api" / "motion_edit.json"
GRID: tuple[dict[str, Any], ...] = tuple(
    {
        "Load Video.width": side,
        "Load Video.height": side,
        "Load Video.fit": "cover",
        "Plan Keyframes.every": every,
        "Sampler.steps": steps,
        "Sampler.mode": mode,
        "Upscale.scale": scale,
        "Cache Keyframes.enabled": False,
        "Cache Video.enabled": False,
    }
    for side, every, steps, mode, scale in (
        (128, 4, 8, "sparse", 2),
        (128, 6, 18, "sparse", 2),
        (128, 2, 10, "sparse", 1.5),
        (128, 4, 12, "dense", 2),
        (160, 4, 8, "sparse", 3),
        (160, 6, 14, "sparse", 2),
        (160, 3, 10, "dense", 2),
        (192, 4, 10, "sparse", 2),
        (192, 6, 8, "sparse", 3),
        (192, 3, 12, "sparse", 1.5),
        (224, 6, 10, "sparse", 2),
        (224, 4, 8, "sparse", 2),
    )
)


def workflow(changes: dict[str, Any]) -> dict[str, Any]:
    """The shipped edit with the demo model and these settings, by title and input."""
    prompt: dict[str, Any] = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    titles = {node["_meta"]["title"] for node in prompt.values()}
    for name, value in (STAND_INS["demo model"] | STAND_INS["small frames"] | changes).items():
        title, key = name.split(".")
        if title not in titles:  # of other workflows
            continue
        (node,) = (node for node in prompt.values() if node["_meta"]["title"] == title)
        is_number = type(node["inputs"][key]) in (int, float)
        node["inputs"][key] = json.loads(str(value)) if is_number else value
    return prompt


def ran(server: Server, prompt: dict[str, Any]) -> dict[str, Any]:
    """The record of a run."""
    run = server.post("/prompt", {"prompt": prompt})["prompt_id"]
    while True:
        found = [record for record in server.get("/frugal-motion/runs?limit=5")["runs"] if record["run"] == run]
        if found:
            return {**found[0], "prompt": prompt}
        time.sleep(0.5)


def took(record: dict[str, Any]) -> float:
    """Seconds of the stages that belong on a GPU, without the loading of models."""
    return float(sum(measured.seconds for measured in measured_of(record) if measured.flops > 0))


def expected(record: dict[str, Any], others: list[dict[str, Any]]) -> float:
    """What the other runs say of it."""
    found = work_of(json.dumps(record["prompt"], sort_keys=True))
    speed = calibrated([one for other in others for one in measured_of(other)], record["card"], halves=False)
    return gpu_seconds(found.job, found.nets, Machine(speed)) or 0.0


def main() -> None:
    """Print ``[[seconds that were expected, seconds that it took], …]``."""
    with tempfile.TemporaryDirectory() as folder:
        with running(COMFYUI, Path(folder), assets=ASSETS) as server:
            ran(server, workflow(GRID[0] | {"Sampler.seed": 2}))  # loads, and warms up
            records = [ran(server, workflow(changes)) for changes in GRID]
        register_nodes()
        folder_paths.input_directory, folder_paths.user_directory = str(ASSETS / "input"), folder
        for models in (ASSETS / "models").iterdir():
            folder_paths.folder_names_and_paths[models.name] = ([str(models)], set())
        pairs = [
            (expected(record, [other for other in records if other is not record]), took(record)) for record in records
        ]
    print(json.dumps(pairs))


if __name__ == "__main__":
    main()
