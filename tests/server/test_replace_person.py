"""The shipped workflow that redraws only the person, on the real clip, through a real ComfyUI server."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run
from .test_motion_edit import result

WORKFLOW = ROOT / "workflows" / "api" / "replace_person.json"
WIDTH, HEIGHT = 272, 480

# Our own small model, and sizes that a CPU can do; the last is exact, so that pixels can be compared.
SMALL = {
    "Checkpoint.ckpt_name": "frugal-demo.ckpt",
    "ControlNet.control_net_name": "frugal-demo-openpose.safetensors",
    "Upscale Model.model_name": "realesr-animevideov3.safetensors",
    "Upscale.scale": "1",
    "Crop.size": "128",
    "Masks.grow": "3",
    "Sampler.steps": "2",
    "Save Video.codec": "lossless",
    **{
        f"{loader}.{name}": value
        for loader in ("Whole Clip", "Place")
        for name, value in {"size": "custom", "width": str(WIDTH), "height": str(HEIGHT), "duration": "1"}.items()
    },
}


@pytest.fixture(scope="module")
def place(assets: Path) -> np.ndarray:
    """The clip at the frame rate of the result."""
    settings = DecodeSettings(frame_rate=Fraction(25), duration=Fraction(1), size=(WIDTH, HEIGHT), multiple=8)
    return np.concatenate(list(FileStream(assets / "input" / "one_person.mp4", settings).chunks()))


def test_only_the_person_changes(server: Server, place: np.ndarray, tmp_path: Path) -> None:
    video, stages = result(run(server, WORKFLOW, tmp_path, SMALL))
    found = np.concatenate(list(FileStream(video).chunks()))
    assert found.shape == (25, HEIGHT, WIDTH, 3)
    assert stages["Sampler"]["frames"] < 5 and stages["Put Back"]["frames"] == 25
    changed = np.array([(frame != before).any(axis=-1) for frame, before in zip(found, place, strict=True)])
    assert changed.mean(axis=(1, 2)).max() < 0.25, "the rest is the clip's own, bit for bit"
    assert changed.mean(axis=(1, 2)).min() > 0.02, "there is somebody"
    rows, columns = np.nonzero(changed.any(axis=0))
    assert rows.min() > 0.1 * HEIGHT and columns.max() < 0.9 * WIDTH


@pytest.mark.slow
def test_a_second_look_finds_masks_and_poses_in_the_cache(server: Server, tmp_path: Path) -> None:
    result(run(server, WORKFLOW, tmp_path / "1", {**SMALL, "Sampler.seed": "3"}))
    done = run(
        server,
        WORKFLOW,
        tmp_path / "2",
        {**SMALL, "Sampler.seed": "3", "Prompt.text": "a marble statue", "Masks.grow": "5", "Clean Plate.match": "0.9"},
    )
    _, stages = result(done)
    for name in ("Masks", "Extract Pose", "Clean Plate"):
        assert stages[name]["cached"], name
    assert not stages["Sampler"]["cached"]
