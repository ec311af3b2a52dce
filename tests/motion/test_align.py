from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.editing.align import align, blend
from frugal_motion.nodes.motion.editing.timing import resample
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalBlendMotions

from .synthetic import dance, error
from .test_repair import motions


def clip(keypoints, rate=25):
    return Motion(keypoints, Fraction(rate), 720, 1280)


def warped(motion):
    """The motion with another timing, and the source frame of each of its frames."""
    progress = np.linspace(0, 1, motion.frame_count)
    times = (motion.frame_count - 1) * (progress + 0.12 * np.sin(2 * np.pi * progress) / np.pi * 2)
    return resample(motion, times), times


def test_a_warped_motion_is_brought_into_step():
    motion = dance()
    other, times = warped(motion)
    one, two = align(motion, other)
    assert np.abs(one - np.interp(two, np.arange(200), times)).max() < 3
    assert np.abs(np.interp(two, np.arange(200), times) - two).max() > 10  # they were far out of step


@settings(max_examples=15)
@given(st.integers(3, 80), st.integers(3, 80), st.integers(0, 5))
def test_both_clocks_only_run_forward_and_neither_runs_away(first, second, seed):
    a, b = (clip(dance(seed=s).keypoints[:n]) for s, n in ((seed, first), (seed + 1, second)))
    one, two = align(a, b)
    assert one[0] == 0 and two[0] == 0
    assert one[-1] == pytest.approx(first - 1) and two[-1] == pytest.approx(second - 1)
    slope = np.diff(two) / (second - 1) / (np.diff(one) / (first - 1))
    assert (np.diff(one) > 0).all() and (np.diff(two) > 0).all()
    assert (slope > 0.49).all() and (slope < 2.01).all()


@settings(max_examples=15)
@given(motions(), st.floats(0, 1))
def test_a_motion_blended_with_itself_is_itself(keypoints, weight):
    motion = clip(keypoints)
    result = blend(motion, motion, weight)
    assert result.keypoints.shape == keypoints.shape
    np.testing.assert_allclose(result.keypoints, keypoints, atol=1e-4)


def test_the_ends_of_the_weight_are_the_motions_and_the_middle_lies_between():
    a, b = dance(seconds=6), dance(seconds=4, seed=1)
    assert error(blend(a, b, 0.0), a) < 1e-3 and error(blend(a, b, 1.0), b) < 1e-3
    middle = blend(a, b, 0.5)
    assert middle.frame_count == pytest.approx(125, abs=1)
    upper = np.linalg.norm((middle.keypoints[:, 0, 3, :2] - middle.keypoints[:, 0, 2, :2]) * (720 / 1280, 1), axis=-1)
    np.testing.assert_allclose(upper, 0.14, rtol=0.01)  # both have arms of 0.14: nothing shrinks through the middle


def test_a_blend_of_two_timings_is_smooth():
    motion = dance()
    other, _ = warped(motion)
    steps = [np.abs(np.diff(m.keypoints[..., :2], n=2, axis=0)).max() for m in (motion, other)]
    assert np.abs(np.diff(blend(motion, other, 0.5).keypoints[..., :2], n=2, axis=0)).max() < 2 * max(steps)


def test_other_rate_size_people_and_hands():
    a = dance(seconds=3, people=2)
    b = dance(seconds=3, frame_rate=Fraction(60), seed=1)
    hands = np.zeros((180, 1, 60, 3), np.float32)
    hands[:, :, :18] = b.keypoints
    b = Motion(hands, Fraction(60), 1280, 720)
    result = blend(a, b, 0.5)
    assert result.keypoints.shape[1:] == (1, 18, 3)
    assert (result.frame_rate, result.width, result.height) == (25, 720, 1280)
    assert result.frame_count == pytest.approx(75, abs=1)


@settings(max_examples=25)
@given(motions(), motions(), st.floats(0, 1), st.booleans())
def test_anything_with_anything_is_finite(a, b, weight, in_step):
    result = blend(clip(a), clip(b, 60), weight, in_step).keypoints
    assert np.isfinite(result).all() and len(result)
    assert not result[result[..., 2] == 0].any()


def test_a_joint_that_one_motion_lacks_is_missing():
    a, b = dance(seconds=2), dance(seconds=2, seed=1)
    without = np.array(b.keypoints)
    without[:, 0, 4] = 0
    result = blend(a, b.with_keypoints(without), 0.5).keypoints
    assert not result[:, 0, 4].any() and (result[:, 0, 3, 2] > 0).all()


@pytest.mark.parametrize("shape", [(0, 1, 18, 3), (4, 0, 18, 3)])
def test_bad_input(shape):
    empty, motion = clip(np.zeros(shape, np.float32)), dance(seconds=1)
    with pytest.raises(InputError, match="^motion_b: found"):
        blend(motion, empty, 0.5)
    with pytest.raises(InputError, match="^motion_a: found"):
        FrugalBlendMotions.execute(empty, motion, 0.5)
    with pytest.raises(InputError, match="^weight: found"):
        blend(motion, motion, float("nan"))
