"""The shipped one-node edit and its two switches, on the real clip, through a real ComfyUI server."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.graph import without_switches
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.tools.server import Server

from ..conftest import ROOT
from .client import run
from .test_motion_edit import SMALL, result

WORKFLOW = ROOT / "workflows" / "api" / "one_node_edit.json"
PICTURE = ROOT / "workflows" / "paper_doll.png"
SHORT = {**SMALL, "Load Video.duration": "1", "Save Video.codec": "lossless", "Sampler.seed": "31"}
WIDTH, HEIGHT = 272, 480
PERSON = {
    **SHORT,
    "Upscale.scale": "1",
    "Crop.size": "128",
    "Masks.grow": "3",
    **{f"{title}.switch": "true" for title in ("Motion", "Source Video", "Mask", "Final Video")},
    **{
        f"{clip}.{name}": value
        for clip in ("Whole Clip", "Place")
        for name, value in {"size": "custom", "width": str(WIDTH), "height": str(HEIGHT)}.items()
    },
}


def frames(video: Path, settings: DecodeSettings | None = None) -> np.ndarray:
    return np.concatenate(list(FileStream(video, settings).chunks()))


def test_switched_off_it_is_the_edit_without_switches(server: Server, tmp_path: Path) -> None:
    """Bit for bit, in a run of its own; and nothing runs that only a switch would need."""
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(without_switches(json.loads(WORKFLOW.read_text(encoding="utf-8")))), encoding="utf-8")
    off = {**SHORT, "Cache Keyframes.enabled": "false", "Cache Video.enabled": "false"}
    found = []
    for workflow in (WORKFLOW, plain):
        video, stages = result(run(server, workflow, tmp_path / workflow.stem, off))
        assert stages["Sampler"]["frames"] == 3 and not stages["Sampler"]["cached"]
        assert not stages.keys() & {"Whole Clip", "Place", "Crop", "Masks", "Clean Plate", "Put Back", "Final Video"}
        found.append(frames(video))
    assert found[0].tobytes() == found[1].tobytes()


def test_it_finds_what_the_edit_without_switches_has_kept(server: Server, tmp_path: Path) -> None:
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(without_switches(json.loads(WORKFLOW.read_text(encoding="utf-8")))), encoding="utf-8")
    given = {**SHORT, "Sampler.seed": "32"}
    _, first = result(run(server, plain, tmp_path / "1", given))
    assert not first["Sampler"]["cached"]
    _, second = result(run(server, WORKFLOW, tmp_path / "2", {**given, "Masks.grow": "7"}))
    assert second["Sampler"]["cached"] and second["Cache Video"]["hits"] == 1


@pytest.mark.parametrize("preset", ["natural", "robotic"])
def test_the_place_is_kept(server: Server, assets: Path, tmp_path: Path, preset: str) -> None:
    video, stages = result(run(server, WORKFLOW, tmp_path, {**PERSON, "Motion Style.preset": preset}))
    settings = DecodeSettings(frame_rate=Fraction(25), duration=Fraction(1), size=(WIDTH, HEIGHT), multiple=8)
    found, place = frames(video), frames(assets / "input" / "one_person.mp4", settings)
    assert found.shape == place.shape == (25, HEIGHT, WIDTH, 3)
    assert stages["Sampler"]["frames"] < 5 and stages["Put Back"]["frames"] == 25
    changed = (found != place).any(axis=-1).mean(axis=(1, 2))
    assert changed.max() < 0.35, "the rest is the clip's own, bit for bit"
    assert changed.min() > 0.02, "there is somebody"


def test_the_look_is_that_of_the_picture(server: Server, tmp_path: Path) -> None:
    """Which is wired to the switch, as the editor does with what the node is given; off, it is not looked at."""
    graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    graph["31"] = {"class_type": "LoadImage", "inputs": {"image": ""}, "_meta": {"title": "Look"}}
    alpha = {"image": ["31", 0], "alpha": ["31", 1]}
    graph["32"] = {"class_type": "JoinImageWithAlpha", "inputs": alpha, "_meta": {"title": "Cut Out"}}
    graph["26:42"]["inputs"]["on_true"] = ["32", 0]
    wired = tmp_path / "wired.json"
    wired.write_text(json.dumps(graph), encoding="utf-8")
    found = []
    for switch in ("true", "false"):
        given = {**SHORT, "Look.image": str(PICTURE), "Sampler.cfg": "2.5", "Reference.switch": switch}
        video, _ = result(run(server, wired, tmp_path / switch, given))
        found.append(frames(video).astype(int))
    assert found[0].shape == found[1].shape and np.abs(found[0] - found[1]).mean() > 1
