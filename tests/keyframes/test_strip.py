"""What the strip on Plan Keyframes shows."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.strip import MOST_PICTURES, MOST_POINTS, as_jpeg, curve, evenly, film


def bump(gap: int) -> np.ndarray:
    """Errors of a clip of 100 frames in which only the way past frame 60 errs."""
    starts = np.arange(100 - gap)
    return np.where((starts < 60) & (60 < starts + gap), 4.0, 0.0).astype(np.float32)


def test_the_curve_is_high_where_interpolation_errs() -> None:
    values = curve(bump, 100, 5)
    assert len(values) == 100 and max(values) == 255
    high = np.flatnonzero(np.array(values) > 0)
    assert abs(high.mean() - 60) <= 1 and len(high) == 4


def test_no_peak_of_a_long_clip_is_lost() -> None:
    errors = np.zeros(19_996, np.float32)
    errors[7_777] = 1
    values = curve(lambda gap: errors, 20_000, 4)
    assert 0 < len(values) <= MOST_POINTS and max(values) == 255


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_a_clip_within_one_gap_has_no_curve(frames: int) -> None:
    assert curve(bump, frames, 4) == []


def test_still_clips_have_a_flat_curve() -> None:
    assert set(curve(lambda gap: np.zeros(30 - gap, np.float32), 30, 4)) == {0}


@pytest.mark.parametrize("frames", [1, 7, 500])
def test_the_film_shows_the_clip_from_end_to_end(frames: int) -> None:
    small = np.zeros((frames, 32, 32, 3), np.uint8)
    small[..., 0] = np.linspace(0, 255, frames).astype(np.uint8)[:, None, None]
    picture = film(small)
    count = min(frames, MOST_PICTURES)
    assert picture.shape == (32, count * 32, 3)
    reds = picture[0, ::32, 0].astype(int)
    assert (np.diff(reds) > 0).all() and reds[-1] + reds[0] == pytest.approx(small[-1, 0, 0, 0], abs=8)
    read = cv2.imdecode(np.frombuffer(as_jpeg(picture), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(read[..., 2].astype(int) - picture[..., 0]).mean() < 4, "red stays red"


def test_of_sampled_keyframes_those_near_the_moments_are_shown() -> None:
    plan = Keyframes((0, 30, 49, 50, 99), 100, Fraction(12), cuts=(50,))
    shown = [plan.frames[place] for place in evenly(plan)]
    assert len(shown) == MOST_PICTURES and shown == sorted(shown) and set(shown) == set(plan.frames)
    middles = [int((place + 0.5) * 100 / MOST_PICTURES) for place in range(MOST_PICTURES)]
    for moment, frame in zip(middles, shown, strict=True):
        assert (moment < 50) == (frame < 50), "of its own shot"
        assert abs(moment - frame) == min(abs(moment - other) for other in plan.frames if (other < 50) == (moment < 50))
    assert evenly(Keyframes((0,), 1, Fraction(12))) == [0]
