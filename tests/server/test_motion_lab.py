"""The motion lab on real clips, through a real ComfyUI server."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from frugal_motion.nodes.interchange.files import load_motion
from frugal_motion.nodes.motion.report.quality import measure
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run

MODEL = "pose_landmarker_full.task"
WORKFLOW = ROOT / "workflows" / "api" / "motion_lab.json"


def outputs(done: subprocess.CompletedProcess[str]) -> dict[str, list[Path]]:
    """The files of a run by the title of their node."""
    assert done.returncode == 0, done.stderr
    files: dict[str, list[Path]] = {}
    for file in json.loads(done.stdout)["outputs"]:
        files.setdefault(file["title"], []).append(Path(file["path"]))
    return files


def newest_motion(server: Server) -> Path:
    """What Save Motion has written last."""
    files = (server.base / "output" / "motion").glob("*.safetensors")
    return max(files, key=lambda path: path.stat().st_mtime_ns)


def test_four_motions_side_by_side(server: Server, tmp_path: Path) -> None:
    changes = {"Motion Style.preset": "bouncy"}
    files = outputs(run(server, WORKFLOW, tmp_path, changes, "--previews"))
    stream = FileStream(files["Save Video"][0])
    assert (stream.info.width, stream.info.height, stream.info.frame_rate) == (4 * 288, 512, 25)
    assert stream.info.frame_count == 42  # as many as the clip has at 25 frames a second
    panels = np.split(stream.frames_at([21])[0].astype(np.int16), 4, axis=1)
    assert panels[0].mean() > 20, "the first is drawn over the clip"
    for panel in panels[1:]:
        assert 0.001 < (panel.max(axis=2) > 60).mean() < 0.1, "the others are thin limbs on black"
    for first, second in ((1, 2), (2, 3)):
        assert np.abs(panels[first] - panels[second]).max() > 100
    report = Image.open(files["Motion Report"][0])
    assert report.width >= 1000 and len(set(report.convert("RGB").resize((64, 64)).getdata())) > 50


def test_two_people_are_styled_and_saved(server: Server, tmp_path: Path) -> None:
    changes = {"Load Video.file": "two_people.mp4", "Extract Pose.people": "2", "Motion Style.preset": "robotic"}
    outputs(run(server, WORKFLOW, tmp_path, changes))
    motion = load_motion(newest_motion(server))
    quality = measure(motion)
    assert motion.people == 2 and set(quality.people) == {0, 1}
    assert min(person.coverage for person in quality.people.values()) > 0.5


@pytest.mark.parametrize(
    ("setting", "value", "node", "message"),
    [
        ("Motion Style.preset", "wild", "Motion Style", "wild"),
        ("Motion Style.tempo", "100", "Motion Style", "tempo"),
        ("Smooth Motion.strength", "2", "Smooth Motion", "strength"),
        ("Smooth Motion.max_gap", "-1", "Smooth Motion", "max_gap"),
        ("Retarget Motion.reference_person", "7", "Retarget Motion", "reference_person: found 7; allowed: 0 to 2"),
        ("Save Motion.format", "bvh", "Save Motion", "format"),
        ("Save Motion.filename_prefix", "../../outside", "Save Motion", "filename_prefix"),
    ],
)
def test_bad_input_fails_with_one_sentence(
    server: Server, tmp_path: Path, setting: str, value: str, node: str, message: str
) -> None:
    done = run(server, WORKFLOW, tmp_path, {setting: value})
    assert done.returncode == 1
    assert node in done.stderr and re.search(message, done.stderr), done.stderr


def test_a_saved_motion_goes_through_other_nodes_and_back(server: Server, tmp_path: Path) -> None:
    """Loaded, as POSE_KEYPOINT there and back, blended with itself: nothing is lost on the way."""
    outputs(run(server, WORKFLOW, tmp_path, {}))
    saved = newest_motion(server)
    graph = {
        "1": node("FrugalLoadMotion", file=f"motion/{saved.name} [output]", frame_rate=25.0),
        "2": node("FrugalMotionToKeypoints", motion=["1", 0], flavour="exact"),
        "3": node("FrugalKeypointsToMotion", keypoints=["2", 0], frame_rate=25.0),
        "4": node("FrugalBlendMotions", motion_a=["3", 0], motion_b=["1", 0], weight=0.5, align=True),
        "5": node("FrugalSaveMotion", motion=["4", 0], filename_prefix="motion/blend", format="safetensors"),
    }
    workflow = tmp_path / "interchange.json"
    workflow.write_text(json.dumps(graph))
    outputs(run(server, workflow, tmp_path, {}))
    before, after = load_motion(saved), load_motion(newest_motion(server))
    np.testing.assert_allclose(after.keypoints, before.keypoints, atol=1e-4)
    assert (after.frame_rate, after.width, after.height) == (before.frame_rate, before.width, before.height)


def test_a_pose_found_in_the_whole_picture_is_used_in_a_crop(server: Server, tmp_path: Path) -> None:
    clip = {"file": "one_person.mp4", "start": 0.5, "duration": 0.5, "frame_rate": 12.0, "size": "custom"}
    graph = {
        "1": node("FrugalLoadVideo", **clip, width=384, height=384, fit="keep"),
        "2": node("FrugalLoadVideo", **clip, width=256, height=256, fit="cover"),
        "3": node("FrugalExtractPose", video=["1", 0], model=MODEL, people=1, confidence=0.5),
        "4": node("FrugalFitMotion", motion=["3", 0], video=["2", 0]),
        "5": node("FrugalSaveMotion", motion=["4", 0], filename_prefix="motion/fitted", format="safetensors"),
        "6": node("FrugalExtractPose", video=["2", 0], model=MODEL, people=1, confidence=0.5),
        "7": node("FrugalSaveMotion", motion=["6", 0], filename_prefix="motion/found", format="safetensors"),
    }
    workflow = tmp_path / "crop.json"
    workflow.write_text(json.dumps(graph))
    outputs(run(server, workflow, tmp_path, {}))
    fitted, found = (
        load_motion(server.base / "output" / "motion" / f"{name}_00001_.safetensors") for name in ("fitted", "found")
    )
    assert (fitted.width, fitted.height) == (256, 256)
    both = (fitted.keypoints[..., 2] > 0) & (found.keypoints[..., 2] > 0)
    apart = np.linalg.norm((fitted.keypoints - found.keypoints)[both][:, :2], axis=1)
    assert both.mean() > 0.7 and np.median(apart) < 0.03, "where the detector sees the joints in the crop itself"


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}
