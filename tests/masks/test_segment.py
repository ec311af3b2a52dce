"""Masks out of the pose model, against the pixels that were drawn."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.masks.person_masks import PersonMasks
from frugal_motion.nodes.motion.motion import ALL
from frugal_motion.nodes.pose.landmarks import LandmarkSettings
from frugal_motion.nodes.pose.segment import segment_people
from frugal_motion.nodes.video.stream import ArrayStream

from .conftest import Drawn, drawn


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    """Of two masks 0..255, the share that both have of what either has."""
    return float((np.minimum(found, truth) > 127).sum() / max((np.maximum(found, truth) > 127).sum(), 1))


@pytest.fixture(scope="module")
def one() -> Drawn:
    return drawn(1)


@pytest.fixture(scope="module")
def two() -> Drawn:
    return drawn(2)


def test_the_pixels_of_a_person_are_found(one: Drawn, model: Path) -> None:
    ticks: list[int] = []
    found = segment_people(one.stream, model, LandmarkSettings(1), on_frame=lambda: ticks.append(1))
    overlaps = [overlap(found.mask(frame), one.truth[0, frame]) for frame in range(16)]
    assert np.mean(overlaps) > 0.9 and len(ticks) == 16


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_people_are_numbered_as_in_the_motion(two: Drawn, model: Path, order: list[int]) -> None:
    motion = two.motion.with_keypoints(two.motion.keypoints[:, order])
    found = segment_people(two.stream, model, LandmarkSettings(2), motion)
    assert found.people == 2
    for number, person in enumerate(order):
        overlaps = [overlap(found.mask(frame, number), two.truth[person, frame]) for frame in range(16)]
        others = [overlap(found.mask(frame, number), two.truth[1 - person, frame]) for frame in range(16)]
        assert np.mean(overlaps) > 0.8 and np.mean(others) < 0.1
    both = np.maximum(found.mask(3, 0), found.mask(3, 1))
    np.testing.assert_array_equal(found.mask(3, ALL), both)


def test_one_of_two_people_is_meant(two: Drawn, model: Path) -> None:
    alone = two.motion.with_keypoints(two.motion.keypoints[:, 1:])
    found = segment_people(two.stream, model, LandmarkSettings(2), alone)
    assert found.people == 1
    assert np.mean([overlap(found.mask(frame), two.truth[1, frame]) for frame in range(16)]) > 0.8


@pytest.mark.parametrize("width", [253, 254, 255])
def test_frames_of_any_width(one: Drawn, model: Path, width: int) -> None:
    """MediaPipe ends the process where masks have rows that are not aligned."""
    found = segment_people(ArrayStream(one.frames[:4, :, :width].copy(), Fraction(12)), model, LandmarkSettings(1))
    assert found.mask(2).shape == (256, width)
    assert overlap(found.mask(2), one.truth[0, 2][:, :width]) > 0.9


def test_nobody_at_all_is_said(model: Path) -> None:
    empty = ArrayStream(np.full((3, 64, 64, 3), 90, np.uint8), Fraction(12))
    with pytest.raises(InputError, match="video: found no person in 3 frames"):
        segment_people(empty, model, LandmarkSettings(1))


def test_the_motion_of_another_clip_is_refused_before_anything_is_looked_at(one: Drawn) -> None:
    shorter = replace(one.motion, keypoints=one.motion.keypoints[:5])
    with pytest.raises(InputError, match="motion: found 5 frames; allowed: 16, as the video has"):
        segment_people(one.stream, Path("never opened"), LandmarkSettings(1), shorter)


def test_somebody_who_is_away_for_a_while_has_no_mask_then(one: Drawn, model: Path) -> None:
    frames = one.frames.copy()
    frames[6:9] = frames[0, 0, 0]
    found = segment_people(ArrayStream(frames, Fraction(12)), model, LandmarkSettings(1))
    assert not found.mask(7).any() and not found.is_seen(7)
    assert overlap(found.mask(14), one.truth[0, 14]) > 0.9


def test_masks_are_kept_and_read_back(one: Drawn, model: Path) -> None:
    found = segment_people(one.stream, model, LandmarkSettings(1))
    again = PersonMasks.from_fields(found.to_fields())
    assert again.info == found.info
    for frame in range(16):
        np.testing.assert_array_equal(again.mask(frame), found.mask(frame))
