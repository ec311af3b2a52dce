"""What the editor's player is sent."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host import previews as shown
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalSmoothMotion
from frugal_motion.nodes.motion.node.player import shown_motion
from frugal_motion.nodes.motion.player_file import LARGEST_EDITED, packed, unpacked

from .synthetic import dance

HEADER = 36


def as_described(content: bytes) -> tuple[tuple[object, ...], np.ndarray]:
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
    header, told = as_described(packed(motion.with_keypoints(keypoints)))
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
    header, told = as_described(content)
    step = header[3]
    assert header[1:3] == (len(told), 900) and header[-1] == pytest.approx(29.97003)
    assert np.allclose(told, keypoints[::step], atol=1 / 200)


@pytest.mark.parametrize("shape", [(0, 1), (5, 0), (0, 0)])
def test_nothing_to_see_is_told_too(shape: tuple[int, int]) -> None:
    header, told = as_described(packed(Motion(np.zeros((*shape, 18, 3), np.float32), Fraction(12), 64, 64)))
    assert (header[1], header[6]) == shape and told.size == 0


@st.composite
def motions(draw: st.DrawFn) -> Motion:
    shape = (draw(st.integers(0, 6)), draw(st.integers(0, 3)), draw(st.sampled_from((18, 60))), 3)
    random = np.random.default_rng(draw(st.integers(0, 99)))
    keypoints = random.uniform((-0.5, -0.5, 0), (1.5, 1.5, 1), shape)
    keypoints[random.random(shape[:3]) < draw(st.sampled_from((0, 0.3, 1)))] = 0
    rate = draw(st.fractions(Fraction(1, 10), 240, max_denominator=1001))
    return Motion(keypoints.astype(np.float32), rate, draw(st.integers(1, 4096)), draw(st.integers(1, 4096)))


@given(motions())
def test_what_is_read_is_what_was_written(motion: Motion) -> None:
    content = packed(motion)
    read = unpacked(content)
    assert (read.frame_rate, read.width, read.height) == (motion.frame_rate, motion.width, motion.height)
    assert read.keypoints.shape == motion.keypoints.shape
    told = as_described(content)[1]
    found = motion.keypoints[..., 2] > 0
    assert np.array_equal(read.keypoints[..., 2] > 0, found) and not read.keypoints[~found].any()
    assert np.allclose(read.keypoints[found], told[found], atol=1e-6)
    assert packed(read) == content, "a file that goes round stays as it is"


def test_every_confidence_goes_round() -> None:
    keypoints = np.zeros((256, 1, 18, 3), np.float32)
    keypoints[..., 2] = (np.arange(256, dtype=np.float32) / 255)[:, None, None]
    content = packed(Motion(keypoints, Fraction(25), 64, 64))
    assert packed(unpacked(content)) == content
    assert np.array_equal(unpacked(content).keypoints[:, 0, 0, 2], keypoints[:, 0, 0, 2])


def test_what_is_to_be_edited_keeps_all_frames() -> None:
    long = Motion(np.full((9000, 1, 60, 3), 0.5, np.float32), Fraction(30), 64, 64)
    assert unpacked(packed(long, LARGEST_EDITED)).frame_count == 9000
    with pytest.raises(InputError, match="9000 frames, 3000 of which are kept"):
        unpacked(packed(long))


@given(motions(), st.data())
def test_a_file_that_is_none_is_refused_or_read(motion: Motion, data: st.DataObject) -> None:
    content = bytearray(packed(motion))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 60) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        read = unpacked(bytes(content))
    except InputError:
        return
    assert len(content) == HEADER + 5 * read.keypoints[..., 0].size, "nothing is made up, nothing left out"


HEAD = (b"FMP1", 2, 2, 1, 64, 64, 1, 18, 25.0)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"FMP2"), (1, 3), (2, 5), (3, 0), (4, 0), (5, 0), (6, 2), (7, 17), (8, 0.0), (8, -25.0)]
    + [(8, float("nan")), (8, float("inf")), (8, 1e-300)],
)
def test_damaged_headers_are_refused(place: int, value: object) -> None:
    body = bytes(5 * 2 * 18)
    assert unpacked(struct.pack("<4s5I2Hd", *HEAD) + body).frame_count == 2
    with pytest.raises(InputError, match="motion: found"):
        unpacked(struct.pack("<4s5I2Hd", *HEAD[:place], value, *HEAD[place + 1 :]) + body)


@pytest.mark.parametrize("content", [b"", b"FMP1", b"no motion at all, but long enough for its header", bytes(400)])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="motion: found"):
        unpacked(content)


def test_endless_motions_of_nobody_are_refused() -> None:
    with pytest.raises(InputError, match="damaged"):
        unpacked(struct.pack("<4s5I2Hd", b"FMP1", 4_000_000_000, 4_000_000_000, 1, 64, 64, 0, 18, 25.0))


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
