import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from frugal_motion.nodes.motion.repair import fill_gaps


def motion(xs, found=None):
    """One person whose joints all have x = y = ``xs``; NaN-free, missing frames are all zero."""
    keypoints = np.zeros((len(xs), 1, 18, 3), np.float32)
    there = np.ones(len(xs), bool) if found is None else np.asarray(found, bool)
    keypoints[there, ..., :2] = np.asarray(xs, np.float32)[there, None, None, None]
    keypoints[there, ..., 2] = 0.5
    return keypoints


@st.composite
def motions(draw):
    """Random motions of 1..24 frames with random gaps."""
    frames = draw(st.integers(1, 24))
    keypoints = draw(hnp.arrays(np.float32, (frames, 2, 18, 3), elements=st.floats(0, 1, width=32)))
    mask = draw(hnp.arrays(bool, (frames, 2, 18)))
    keypoints[..., 2] = np.where(mask, np.maximum(keypoints[..., 2], np.float32(0.01)), 0)
    keypoints[~mask] = 0
    return keypoints


def test_a_straight_line_is_restored_across_a_gap():
    xs = np.linspace(0.1, 0.9, 17)
    found = np.ones(17, bool)
    found[5:9] = False
    filled = fill_gaps(motion(xs, found), 4)
    np.testing.assert_allclose(filled, motion(xs), atol=1e-6)


@pytest.mark.parametrize(("max_gap", "is_filled"), [(0, False), (3, False), (4, True), (99, True)])
def test_only_gaps_up_to_the_limit_are_filled(max_gap, is_filled):
    found = [1, 1, 0, 0, 0, 0, 1, 1]
    filled = fill_gaps(motion(np.linspace(0, 1, 8), found), max_gap)
    assert (filled[2:6, ..., 2] > 0).all() == is_filled
    assert (filled[2:6] != 0).any() == is_filled


def test_nothing_is_filled_before_the_first_and_after_the_last_sight():
    found = [0, 0, 1, 0, 1, 0, 0]
    filled = fill_gaps(motion(np.linspace(0.2, 0.8, 7), found), 10)
    assert np.array_equal(filled[:, 0, 0, 2] > 0, [0, 0, 1, 1, 1, 0, 0])


def test_a_filled_joint_never_overshoots_its_neighbours():
    xs = np.array([0.5, 0.5, 0.5, 0, 0, 0, 0.9, 0.1, 0.9])
    filled = fill_gaps(motion(xs, xs > 0), 5)[3:6, 0, 0, 0]
    assert ((filled >= 0.5) & (filled <= 0.9)).all() and (np.diff(filled) > 0).all()


@pytest.mark.parametrize("shape", [(0, 1, 18, 3), (5, 0, 18, 3), (1, 1, 18, 3), (6, 2, 60, 3)])
def test_nothing_to_fill_from(shape):
    empty = np.zeros(shape, np.float32)
    assert np.array_equal(fill_gaps(empty, 5), empty)


@settings(max_examples=60, deadline=None)
@given(motions(), st.integers(0, 30))
def test_what_was_found_stays_and_what_is_filled_lies_between_its_neighbours(keypoints, max_gap):
    before = keypoints.copy()
    filled = fill_gaps(keypoints, max_gap)
    found = keypoints[..., 2] > 0
    assert np.array_equal(keypoints, before) and np.array_equal(filled[found], keypoints[found])
    assert np.isfinite(filled).all()
    for frame, person, joint in np.argwhere((filled[..., 2] > 0) & ~found):
        sightings = np.flatnonzero(found[:, person, joint])
        assert sightings[0] < frame < sightings[-1]
        right = sightings[np.searchsorted(sightings, frame)]
        left = sightings[np.searchsorted(sightings, frame) - 1]
        assert right - left - 1 <= max_gap
        ends = keypoints[[left, right], person, joint]
        value = filled[frame, person, joint]
        assert (value >= ends.min(0) - 1e-6).all() and (value <= ends.max(0) + 1e-6).all()
