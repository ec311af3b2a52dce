"""Cuts are found in real clips, and nothing else is taken for one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.keyframes.appearance import SIDE, find_cuts, thumbnails
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.stream import ArrayStream

RATE = Fraction(12)


@pytest.fixture(scope="module")
def takes(assets: Path) -> list[np.ndarray]:
    """The two real clips on the 12 fps grid."""
    settings = DecodeSettings(frame_rate=RATE, size=(192, 192), fit="cover")
    paths = (assets / "input" / f"{name}.mp4" for name in ("one_person", "two_people"))
    return [np.concatenate(list(FileStream(path, settings).chunks())) for path in paths]


def cuts(frames: np.ndarray) -> tuple[int, ...]:
    return find_cuts(thumbnails(ArrayStream(frames, RATE)))


def test_one_take_has_no_cuts(takes: list[np.ndarray]) -> None:
    assert [cuts(take) for take in takes] == [(), ()]


def test_cuts_are_found_where_they_are(takes: list[np.ndarray]) -> None:
    one, two = takes
    film = np.concatenate([one[:7], two[:9], one[12:], two[9:11], one[:5]])
    assert cuts(film) == (7, 16, 24, 26)


@pytest.mark.parametrize("at", [1, 19])
def test_a_cut_at_either_end(takes: list[np.ndarray], at: int) -> None:
    one, two = takes
    assert cuts(np.concatenate([one[:at], two[: 20 - at]])) == (at,)


def test_a_flash_is_no_cut(takes: list[np.ndarray]) -> None:
    film = takes[0].copy()
    film[8] = 255 - film[8] // 4
    assert cuts(film) == ()


def test_a_dissolve_and_a_fast_pan_are_no_cuts(takes: list[np.ndarray]) -> None:
    one, two = takes
    share = np.linspace(0, 1, 20)[:, None, None, None]
    assert cuts(((1 - share) * one[:20] + share * two[:20]).astype(np.uint8)) == ()
    pan = np.stack([np.roll(frame, 12 * index, axis=1) for index, frame in enumerate(one)])
    assert cuts(pan) == ()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_hardly_any_frames(count: int) -> None:
    small = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    assert len(find_cuts(small)) <= max(count - 1, 0)


def test_frames_are_counted_as_they_are_read(takes: list[np.ndarray]) -> None:
    done: list[int] = []
    thumbnails(ArrayStream(takes[0], RATE), done.append)
    assert sum(done) == len(takes[0])
