"""Masks that follow the picture, against the pixels that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.masks.fit import fitted
from frugal_motion.nodes.masks.person_masks import PersonMasks, packed
from frugal_motion.nodes.pose.landmarks import LandmarkSettings
from frugal_motion.nodes.pose.segment import segment_people
from frugal_motion.nodes.video.stream import ArrayStream, VideoInfo

from .conftest import drawn

COUNT, HEIGHT, WIDTH = 9, 120, 160
RATE = Fraction(12)


def discs(row: int) -> np.ndarray:
    """A disc that moves to the right ``(frames, height, width)``."""
    made = np.zeros((COUNT, HEIGHT, WIDTH), np.uint8)
    for frame, plane in enumerate(made):
        cv2.circle(plane, (50 + 6 * frame, row), 24, 255, cv2.FILLED)
    return made


def pictures(truths: Sequence[np.ndarray], colours: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """People of one colour each before a grey wall, all with some noise."""
    frames = np.full((COUNT, HEIGHT, WIDTH, 3), (120, 130, 125), np.uint8)
    for truth, colour in zip(truths, colours, strict=True):
        frames[truth > 127] = colour
    noise = np.random.default_rng(0).normal(0, 4, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def coarse(truth: np.ndarray) -> np.ndarray:
    """As a model sees it that has a sixth of the resolution."""
    small = [cv2.resize(plane, (WIDTH // 6, HEIGHT // 6), interpolation=cv2.INTER_AREA) for plane in truth]
    return np.stack([cv2.resize(plane, (WIDTH, HEIGHT)) for plane in small])


def masks_of(*people: np.ndarray) -> PersonMasks:
    planes = [[packed(plane) if plane.any() else b"" for plane in frame] for frame in zip(*people, strict=True)]
    return PersonMasks(VideoInfo(WIDTH, HEIGHT, RATE, COUNT), planes)


def wrong(found: np.ndarray, truth: np.ndarray) -> float:
    """Pixels that are another's, as a share of the truth's."""
    return float(((found > 127) != (truth > 127)).sum() / max((truth > 127).sum(), 1))


@pytest.fixture
def truth() -> np.ndarray:
    return discs(60)


def test_outlines_follow_the_picture(truth: np.ndarray) -> None:
    raw = coarse(truth)
    found = fitted(masks_of(raw), ArrayStream(pictures([truth], [(200, 60, 50)]), RATE))
    for frame in range(COUNT):
        assert wrong(found.mask(frame), truth[frame]) < 0.4 * wrong(raw[frame], truth[frame])


def test_what_was_taken_for_the_person_once_is_put_right(truth: np.ndarray) -> None:
    raw = truth.copy()
    raw[4, 84:110, 60:90] = 255  # wall
    raw[5, 50:60, 70:76] = 0  # person
    found = fitted(masks_of(raw), ArrayStream(pictures([truth], [(200, 60, 50)]), RATE))
    assert wrong(raw[4], truth[4]) > 0.3
    assert wrong(found.mask(4), truth[4]) < 0.2 * wrong(raw[4], truth[4])
    assert wrong(found.mask(5), truth[5]) < 0.01


@pytest.mark.parametrize("missed", [[0], [4], [4, 5], [8]])
def test_who_was_missed_in_a_frame_or_two_is_found(truth: np.ndarray, missed: list[int]) -> None:
    raw = truth.copy()
    raw[missed] = 0
    found = fitted(masks_of(raw), ArrayStream(pictures([truth], [(200, 60, 50)]), RATE))
    for frame in missed:
        assert found.is_seen(frame) and wrong(found.mask(frame), truth[frame]) < 0.1


def test_who_is_not_there_is_not_found(truth: np.ndarray) -> None:
    shown = truth.copy()
    shown[4:6] = 0
    found = fitted(masks_of(shown), ArrayStream(pictures([shown], [(200, 60, 50)]), RATE))
    for frame in (4, 5):
        assert not (found.mask(frame) > 127).any()


def test_another_shot_has_no_say(truth: np.ndarray) -> None:
    """Behind the cut the wall has the colour that the person had, and the person that of the wall."""
    frames = pictures([truth], [(250, 250, 250)])
    frames[:5] = 375 - np.clip(frames[:5].astype(int), 125, 250)
    raw = truth.copy()
    raw[5] = 0  # missed where the shot begins
    found = fitted(masks_of(raw), ArrayStream(frames, RATE))
    for frame in range(COUNT):
        assert wrong(found.mask(frame), truth[frame]) < 0.1


def test_each_of_several_people_has_their_own(truth: np.ndarray) -> None:
    below = np.flip(discs(90), 0).copy()
    truth[below > 127] = 0  # the second one is in front
    frames = pictures([truth, below], [(200, 60, 50), (40, 60, 190)])
    found = fitted(masks_of(coarse(truth), coarse(below)), ArrayStream(frames, RATE))
    for frame in range(COUNT):
        assert wrong(found.mask(frame, 0), truth[frame]) < 0.05
        assert wrong(found.mask(frame, 1), below[frame]) < 0.05


def test_where_colours_tell_nothing_the_masks_stay(truth: np.ndarray) -> None:
    found = fitted(masks_of(truth), ArrayStream(np.full((COUNT, HEIGHT, WIDTH, 3), 90, np.uint8), RATE))
    for frame in range(COUNT):
        assert wrong(found.mask(frame), truth[frame]) < 0.25


def test_nobody_stays_nobody() -> None:
    nothing = np.zeros((COUNT, HEIGHT, WIDTH), np.uint8)
    found = fitted(masks_of(nothing), ArrayStream(pictures([], []), RATE))
    assert not any(found.is_seen(frame) for frame in range(COUNT))


def test_every_frame_is_told_and_a_stop_is_heard(truth: np.ndarray) -> None:
    stream, ticks = ArrayStream(pictures([truth], [(200, 60, 50)]), RATE), []
    fitted(masks_of(truth), stream, lambda: ticks.append(1))
    assert len(ticks) == COUNT

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(masks_of(truth), stream, stop)


def test_masks_of_the_pose_model_are_off_by_less(model: Path) -> None:
    one = drawn(1)
    raw = segment_people(one.stream, model, LandmarkSettings(1))
    found = fitted(raw, one.stream)
    off = [np.mean([wrong(masks.mask(at), one.truth[0, at]) for at in range(16)]) for masks in (raw, found)]
    assert off[1] < 0.7 * off[0]
