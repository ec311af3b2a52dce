from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.pose.people import follow_people

RATE = Fraction(12)
NOBODY = np.empty((0, 18, 3), np.float32)
SHAPE = np.random.default_rng(3).uniform(-0.5, 0.5, (18, 2))


def body(x, y=0.5, size=0.2):
    """A person of a fixed shape around (x, y)."""
    pose = np.ones((18, 3), np.float32)
    pose[:, :2] = SHAPE * size + (x, y)
    return pose


def centres(keypoints):
    """x of each slot's nose offset away; NaN where nobody is."""
    x = keypoints[:, :, :, 0].mean(axis=2) - SHAPE[:, 0].mean() * 0.2
    return np.where((keypoints[..., 2] > 0).any(axis=2), x, np.nan)


def follow(frames, slots=4):
    return follow_people([np.stack(f) if len(f) else NOBODY for f in frames], slots, RATE, aspect=1.0)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_order_of_detection_does_not_matter(seed, people):
    rng = np.random.default_rng(seed)
    # Everyone sways by less than a quarter of the way to their neighbour, while the camera pans.
    sway, pan = rng.uniform(-0.05, 0.05, (20, people)), np.linspace(0, rng.uniform(-0.5, 0.5), 20)[:, None]
    paths = np.linspace(0.15, 0.85, people) + sway + pan
    frames = [[body(x) for x in rng.permutation(row)] for row in paths]
    kept = centres(follow(frames))
    assert kept.shape == (20, people)
    # Slots are numbered from left to right in the first frame, as the paths are.
    np.testing.assert_allclose(kept, paths, atol=1e-4)


def test_people_who_cross_keep_their_slots():
    t = np.linspace(0, 1, 25)
    left, right = 0.2 + 0.6 * t, 0.8 - 0.6 * t
    kept = centres(follow([[body(b, 0.55), body(a, 0.4)] for a, b in zip(left, right, strict=True)]))
    np.testing.assert_allclose(kept, np.stack((left, right), axis=1), atol=1e-4)


@pytest.mark.parametrize("front", [0, 1])
@pytest.mark.parametrize("hidden", [0.05, 0.15, 0.25])
def test_people_who_cross_keep_their_slots_while_one_hides_the_other(hidden, front):
    """At walking pace in step, at the same height: only where they come from tells them apart."""
    noise = np.random.default_rng(1).normal(0, 0.002, (2, 25))
    t = np.linspace(0, 1, 25)
    paths = np.stack((0.2 + 0.6 * t, 0.8 - 0.6 * t)) + noise
    frames = [
        [body(pair[front])] if abs(pair[0] - pair[1]) < hidden else [body(x) for x in pair[::-1]] for pair in paths.T
    ]
    kept = centres(follow(frames))
    assert kept.shape[1] == 2
    found = ~np.isnan(kept)
    np.testing.assert_allclose(kept[found], paths.T[found], atol=1e-4)
    assert found[:, front].all()


def test_who_leaves_for_a_moment_comes_back_to_the_same_slot():
    frames = [[body(0.2), body(0.8)]] * 5 + [[body(0.8)]] * 12 + [[body(0.8), body(0.25)]] * 5
    kept = centres(follow(frames))
    assert kept.shape[1] == 2
    np.testing.assert_allclose(kept[:, 1], 0.8, atol=1e-4)
    np.testing.assert_allclose(kept[17:, 0], 0.25, atol=1e-4)
    assert np.isnan(kept[5:17, 0]).all()


@pytest.mark.parametrize(("gone", "slot"), [(12, 1), (36, 0)])
def test_a_newcomer_takes_the_slot_of_who_left_long_ago(gone, slot):
    frames = [[body(0.1, size=0.05)]] * 3 + [[]] * gone + [[body(0.9, size=0.01)]] * 2
    kept = follow(frames)
    assert np.flatnonzero((kept[-1, :, :, 2] > 0).any(axis=1)).tolist() == [slot]


def test_with_one_slot_a_jump_stays_in_it():
    kept = centres(follow([[body(0.1, size=0.05)]] * 3 + [[body(0.9, size=0.05)]] * 3, slots=1))
    assert kept.shape == (6, 1) and not np.isnan(kept).any()


def test_distances_are_measured_in_pixels_not_in_fractions():
    # In a frame 4 times as wide as high the second is nearer in fractions, the first in pixels.
    first, second, found = body(0.3, 0.5, 0.3), body(0.5, 0.3, 0.3), body(0.38, 0.3, 0.3)
    kept = follow_people([np.stack([first, second]), found[None]], 2, RATE, aspect=4.0)
    np.testing.assert_array_equal(kept[1, 0], found)
    assert not kept[1, 1].any()


def test_people_are_told_apart_with_few_joints():
    one, other = body(0.3), body(0.7)
    one[5:], other[:12] = 0, 0
    kept = follow([[one, other], [other, one], [one, other]])
    assert kept.shape[1] == 2
    for frame in kept:
        np.testing.assert_array_equal(frame, [one, other])


@pytest.mark.parametrize("frames", [[], [[]], [[np.zeros((18, 3), np.float32)]] * 3])
def test_nobody(frames):
    kept = follow(frames)
    assert kept.shape == (len(frames), 1, 18, 3) and not kept.any()
