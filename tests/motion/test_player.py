"""What the editor's player is sent."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.host import previews as shown
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalSmoothMotion
from frugal_motion.nodes.motion.node.player import shown_motion
from frugal_motion.nodes.motion.player_file import packed

from .synthetic import dance

HEADER = 36


def unpacked(content: bytes) -> tuple[tuple[object, ...], np.ndarray]:
    """Header and keypoints, as the module's first lines describe the file."""
    header = struct.unpack("<4s5I2Hd", content[:HEADER])
    frames, people, joints = header[1], *header[6:8]
    points = frames * people * joints
    assert len(content) == HEADER + 5 * points
    places = np.frombuffer(content, "<u2", 2 * points, HEADER).reshape(frames, people, joints, 2)
    confidence = np.frombuffer(content, np.uint8, points, HEADER + 4 * points).reshape(frames, people, joints, 1)
    return header, np.concatenate((places / 65535 * 2 - 0.5, confidence / 255), axis=3)


def test_every_joint_is_where_it_was() -> None:
    motion = dance(seconds=2, people=3)
    keypoints = np.array(motion.keypoints)
    keypoints[10:20, 1, 4] = 0
    keypoints[0, 0, 0] = (-0.4, 1.4, 0.001)
    header, told = unpacked(packed(motion.with_keypoints(keypoints)))
    assert header == (b"FMP1", 50, 50, 1, 720, 1280, 3, 18, 25.0)
    found = keypoints[..., 2] > 0
    assert np.array_equal(told[..., 2] > 0, found), "unsure is not missing"
    assert np.abs(told - keypoints)[found][:, :2].max() < 1 / 65535 + 1e-7
    assert np.abs(told - keypoints)[..., 2].max() <= 1 / 255


def test_long_motions_are_thinned() -> None:
    keypoints = np.random.default_rng(0).uniform(0, 1, (900, 2, 60, 3)).astype(np.float32)
    motion = Motion(keypoints, Fraction(30000, 1001), 64, 64)
    content = packed(motion, largest=100_000)
    assert 50_000 < len(content) <= 100_000
    header, told = unpacked(content)
    step = header[3]
    assert header[1:3] == (len(told), 900) and header[-1] == pytest.approx(29.97003)
    assert np.allclose(told, keypoints[::step], atol=1 / 200)


@pytest.mark.parametrize("shape", [(0, 1), (5, 0), (0, 0)])
def test_nothing_to_see_is_told_too(shape: tuple[int, int]) -> None:
    header, told = unpacked(packed(Motion(np.zeros((*shape, 18, 3), np.float32), Fraction(12), 64, 64)))
    assert (header[1], header[6]) == shape and told.size == 0


def test_nodes_tell_where_motion_and_what_it_was_lie(tmp_path: Path) -> None:
    motion = dance(seconds=1)
    shown_by_smooth = FrugalSmoothMotion.execute(motion, "savgol", 0.5, 0.5)
    (told,) = shown_by_smooth.ui["frugal_motion"]
    folder = tmp_path / "temp" / told["motion"]["subfolder"]
    assert told["motion"]["type"] == "temp"
    assert (folder / told["motion"]["filename"]).read_bytes() == packed(shown_by_smooth.args[0])
    assert (folder / told["before"]["filename"]).read_bytes() == packed(motion)
    FrugalSmoothMotion.execute(motion, "savgol", 0.5, 0.5)
    assert len(list(folder.iterdir())) == 2, "the same motion is written once"


def test_a_full_disk_stops_no_run(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shown, "temp_file", full)
    told = shown_motion(dance(seconds=1))
    assert told == {"frugal_motion": [{"motion": None, "before": None}]}
    assert "No space left" in caplog.text
