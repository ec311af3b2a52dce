"""The shipped workflow that redraws only the person, on the real clip, through a real ComfyUI server."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.tools.server import Server, running

from ..conftest import ROOT
from .client import ask, run
from .test_jobs import ended, frames, sampled_frames, set_up, video
from .test_motion_edit import result

JSON = {"Content-Type": "application/json"}
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
    "Whole Clip.duration": "1",
    **{
        f"{clip}.{name}": value
        for clip in ("Whole Clip", "Place")
        for name, value in {"size": "custom", "width": str(WIDTH), "height": str(HEIGHT)}.items()
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
def test_a_second_look_finds_masks_poses_crop_and_plate_in_the_cache(server: Server, tmp_path: Path) -> None:
    result(run(server, WORKFLOW, tmp_path / "1", {**SMALL, "Sampler.seed": "3"}))
    with urllib.request.urlopen(urllib.request.Request(server.url + "/free", b'{"free_memory": true}', JSON)):
        pass  # what ComfyUI itself remembers is gone
    changes = {**SMALL, "Sampler.seed": "3", "Prompt.text": "a marble statue", "Masks.grow": "5"}
    _, stages = result(run(server, WORKFLOW, tmp_path / "2", changes))
    for title in ("Extract Pose", "Crop", "Masks", "Masks of the Place", "Clean Plate"):
        assert stages[title]["cached"] and stages[title]["hits"] == 1, title
    assert not stages["Sampler"]["cached"]


@pytest.fixture
def patient(comfyui: Path, assets: Path, tmp_path: Path) -> Iterator[Server]:
    """A server whose jobs wait for others long enough on a machine that is busy."""
    set_up(tmp_path / "base", jobs_window_seconds=10)
    with running(comfyui, tmp_path / "base", assets=assets) as server:
        yield server


LOOKS = {
    "a": {"Prompt.text": "a neon robot at night"},
    "b": {"Prompt.text": "a marble statue in a forest", "Whole Clip.start": 1.0, "Masks.grow": 8},
}


@pytest.mark.slow
def test_jobs_with_masks_of_their_own_meet_and_come_out_as_alone(patient: Server, tmp_path: Path) -> None:
    """The crops have one size, so that they share batches."""
    shared = {**SMALL, "Crop.width": 128, "Crop.height": 128, "Whole Clip.duration": 0.5}
    shared = {
        name: int(value) if str(value).isdigit() else value
        for name, value in shared.items()
        if not name.startswith(("Place.", "Upscale"))
    }
    graph, before = sampled_frames(WORKFLOW), len(patient.get("/history"))
    workflow = tmp_path / "frames.json"
    workflow.write_text(json.dumps(graph), encoding="utf-8")
    bodies = [{"workflow": graph, "values": {**shared, **look}, "client": client} for client, look in LOOKS.items()]
    answers = [ask(patient, "/jobs", body) for body in bodies]
    assert [code for code, _ in answers] == [202, 202], answers
    jobs = ended(patient, *(answer["job_id"] for _, answer in answers))
    assert [job["error"] for job in jobs] == ["", ""]
    assert len(patient.get("/history")) == before + 1, "one prompt for both"
    together = [frames(video(patient, job)) for job in jobs]
    for found, (client, look) in zip(together, LOOKS.items(), strict=True):
        done = run(
            patient, workflow, tmp_path / client, {name: str(value) for name, value in {**shared, **look}.items()}
        )
        assert done.returncode == 0, done.stderr
        (alone,) = (file["path"] for file in json.loads(done.stdout)["outputs"] if file["path"].endswith(".mp4"))
        assert np.abs(found - frames(Path(alone))).max() <= 1, client
    assert together[0].tobytes() != together[1].tobytes()
