"""The demo's edit with every frame of the grid sampled, through a real server: the truth for frames between."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from nodes.interchange.files import load_motion
from nodes.motion.motion import Motion
from nodes.video.stream import Frames
from tools.server import Server, running

ROOT = Path(__file__).resolve().parent.parent
EDIT = ROOT / "workflows/api/motion_edit.json"
CHANGES: dict[str, dict[str, Any]] = {
    "Load Video": {"file": "one_person.mp4", "size": "custom", "width": 256, "height": 256},
    "Plan Keyframes": {"every": 1, "method": "even"},
    "Checkpoint": {"ckpt_name": "frugal-demo.ckpt"},
    "ControlNet": {"control_net_name": "frugal-demo-openpose.safetensors"},
    "Negative Prompt": {"text": ""},
    "Sampler": {"cfg": 2.5},
}
OUTPUTS = ("Save Video", "Cost Report", "Cost Table")


@dataclass(frozen=True, eq=False)
class DenseEdit:
    """Every frame of an edit, ``(frames, height, width, 3)`` in twice the size it was sampled at, and its motion."""

    frames: Frames
    motion: Motion


def dense_edits(texts: list[str]) -> list[DenseEdit]:
    """The demo's clip as each of some prompts has it."""
    comfyui = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(comfyui, Path(folder), assets=ROOT / ".assets") as server,
    ):
        return [_edit(server, text) for text in texts]


def _edit(server: Server, text: str) -> DenseEdit:
    graph = json.loads(EDIT.read_text(encoding="utf-8"))
    ids = {node["_meta"]["title"]: node_id for node_id, node in graph.items()}
    for title, values in {**CHANGES, "Prompt": {"text": text}}.items():
        graph[ids[title]]["inputs"].update(values)
    for title in OUTPUTS:
        del graph[ids[title]]
    name = text.replace(" ", "-")
    graph["frames"] = {"class_type": "SaveImage", "inputs": {"images": [ids["Sampler"], 0], "filename_prefix": name}}
    saving = {"motion": [ids["Smooth Motion"], 0], "filename_prefix": name, "format": "safetensors"}
    graph["motion"] = {"class_type": "FrugalSaveMotion", "inputs": saving}
    outputs = _run(server, graph)
    folder = server.base / "output"
    frames = [_read(folder / one["subfolder"] / one["filename"]) for one in outputs["frames"]["images"]]
    return DenseEdit(np.stack(frames), load_motion(next(folder.glob(f"{name}*.safetensors"))))


def _run(server: Server, graph: dict[str, Any]) -> dict[str, Any]:
    """What the outputs of a prompt say, by node."""
    prompt = server.post("/prompt", {"prompt": graph})["prompt_id"]
    while not (history := server.get(f"/history/{prompt}")):
        time.sleep(0.5)
    if history[prompt]["status"]["status_str"] != "success":
        raise RuntimeError(history[prompt]["status"]["messages"][-1])
    found: dict[str, Any] = history[prompt]["outputs"]
    return found


def _read(path: Path) -> Frames:
    """A picture in twice its size, as upscaling gives it, RGB."""
    picture = np.asarray(Image.open(path).convert("RGB"))
    return np.asarray(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
