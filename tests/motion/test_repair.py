from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.body import mirrored_order
from frugal_motion.nodes.motion.cleaning.outliers import body_sizes, find_outliers
from frugal_motion.nodes.motion.cleaning.repair import Gap, RepairSettings, fill_gaps, find_gaps, joint_name, repair
from frugal_motion.nodes.motion.cleaning.swaps import undo_swaps
from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion

from .synthetic import Damage, damaged, dance, error


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


@settings(max_examples=60)
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


# Left and right


SWAPS_ONLY = Damage(noise=0.01, dropouts=0.02, outliers=0, swaps=0.05)


def swapped(truth, spans, joints=None):
    """Exchange the sides of person 0 in the given frames, of all joints or some."""
    keypoints = np.array(truth.keypoints)
    order = mirrored_order(keypoints.shape[2])
    chosen = np.arange(len(order)) if joints is None else np.array(joints)
    for span in spans:
        keypoints[span, 0, chosen[:, None]] = keypoints[span, 0, order[chosen][:, None]]
    return truth.with_keypoints(keypoints)


@pytest.mark.parametrize("rate", [12, 25, 60])
def test_swaps_in_noise_and_dropouts_are_undone(rate):
    truth = dance(10, Fraction(rate), 2, seed=3)
    bad = damaged(truth, SWAPS_ONLY, seed=5)
    spared = damaged(truth, replace(SWAPS_ONLY, swaps=0), seed=5)
    mended, count = undo_swaps(bad)
    assert count > 0 and error(bad, truth) > 3 * error(spared, truth)
    assert error(mended, truth) < 1.2 * error(spared, truth)


@pytest.mark.parametrize(
    "spans",
    [
        [slice(40, 41)],
        [slice(40, 60)],
        [slice(40, 44), slice(45, 49)],  # the frame between looks like the swapped one
        [slice(0, 3)],
        [slice(195, 200)],
    ],
)
def test_swaps_are_undone_exactly(spans):
    truth = dance(8, seed=2)
    mended, count = undo_swaps(swapped(truth, spans))
    assert np.array_equal(mended.keypoints, truth.keypoints)
    assert count == sum(span.stop - span.start for span in spans)


@pytest.mark.parametrize("limb", [(2, 3, 4, 5, 6, 7), (8, 9, 10, 11, 12, 13)])
def test_a_pair_of_limbs_is_swapped_back_alone(limb):
    truth = dance(8, seed=2)
    mended, _ = undo_swaps(swapped(truth, [slice(70, 75)], limb))
    assert np.array_equal(mended.keypoints, truth.keypoints)


def test_a_swap_that_lasts_is_left_alone():
    # Which of two long spans is right nobody can tell.
    bad = swapped(dance(8, seed=2), [slice(60, 140)])
    assert np.array_equal(undo_swaps(bad)[0].keypoints, bad.keypoints)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_right_is_not_swapped(seed):
    truth = dance(10, people=2, seed=seed)
    noisy = damaged(truth, replace(SWAPS_ONLY, swaps=0, outliers=0.01))
    assert undo_swaps(truth)[1] == 0 and undo_swaps(noisy)[1] == 0


def test_legs_that_cross_are_not_swapped():
    truth = np.array(dance(8).keypoints)
    stride = 0.1 * np.sin(2 * np.pi * 1.5 * np.arange(200) / 25)[:, None]
    share = np.array((0.05, 0.5, 1.0))
    for side, joints in ((1, (8, 9, 10)), (-1, (11, 12, 13))):
        truth[:, 0, joints, 0] = 0.5 + side * stride * share
    walking = Motion(truth, Fraction(25), 720, 1280)
    assert undo_swaps(walking)[1] == 0


# Outliers


@pytest.mark.parametrize("rate", [25, 60])
def test_stray_joints_are_found_and_no_others(rate):
    truth = dance(20, Fraction(rate), 2, seed=1)
    bad = damaged(truth, Damage(swaps=0), seed=2)
    far = np.linalg.norm((bad.keypoints - truth.keypoints)[..., :2] * (9 / 16, 1), axis=-1) > 0.12
    stray, found = far & (bad.keypoints[..., 2] > 0), find_outliers(bad)
    assert stray.sum() > 100 and (found & stray).sum() >= 0.99 * stray.sum()
    assert (found & ~far).sum() < 0.004 * far.size
    assert not find_outliers(truth).any()


def test_a_joint_that_stays_away_stretches_its_bone():
    truth = dance(8, seed=1)
    keypoints = np.array(truth.keypoints)
    keypoints[50:75, 0, 4, :2] = (0.02, 0.02)  # longer than any running median tells
    found = find_outliers(truth.with_keypoints(keypoints))
    assert found[50:75, 0, 4].all()
    found[49:76, 0, 4] = False
    assert not found.any()


def test_someone_who_turns_to_the_front_is_believed():
    keypoints = np.array(dance(8, seed=1).keypoints)
    turned = np.where(np.arange(200) < 185, 0.1, 1.0)[:, None]
    keypoints[:, 0, :, 0] = 0.5 + (keypoints[:, 0, :, 0] - keypoints[:, 0, 1:2, 0]) * turned
    after = find_outliers(Motion(keypoints, Fraction(25), 720, 1280))[190:]
    assert not after.any()


def test_someone_who_comes_nearer_is_believed():
    truth = dance(8, seed=1)
    keypoints = np.array(truth.keypoints)
    nearer = np.linspace(0.2, 1, 200)[:, None, None, None]
    keypoints[..., :2] = 0.5 + (keypoints[..., :2] - 0.5) * nearer
    assert not find_outliers(truth.with_keypoints(keypoints)).any()


def test_the_size_of_a_body_is_measured_in_frame_heights():
    truth = dance(4, people=2)
    sizes = body_sizes(truth)
    wide = replace(truth, width=2 * truth.width)
    assert ((sizes > 0.6) & (sizes < 1)).all() and (body_sizes(wide) > sizes).all()


# Everything


@pytest.mark.parametrize("seed", range(3))
def test_repair_takes_most_of_the_error(seed):
    truth = dance(10, people=2, seed=seed)
    bad = damaged(truth, seed=seed)
    result = repair(bad)
    assert error(result.motion, truth) < 0.5 * error(bad, truth)
    assert result.report.outliers > 0 and result.report.filled > result.report.outliers


def test_what_was_done_is_counted():
    truth = dance(8, people=2, seed=2)
    keypoints = np.array(swapped(truth, [slice(20, 23)]).keypoints)
    keypoints[50, 0, 7, 0] += 0.5
    keypoints[90:93, 1, 10] = 0
    keypoints[100:140, 1, 4] = 0
    result = repair(truth.with_keypoints(keypoints))
    assert (result.report.swaps, result.report.outliers, result.report.filled) == (3, 1, 4)
    assert result.report.gaps == (Gap(1, "right_wrist", 100, 139),)
    assert result.report.as_text().splitlines() == [
        "Left and right exchanged: 3 (people x frames)",
        "Stray joints dropped: 1 (joints x frames)",
        "Filled: 4 (joints x frames)",
        "Gaps left empty: 1",
        "  person 2, right wrist: frames 100 to 139",
    ]
    assert error(result.motion, truth) < 0.003


def test_a_report_names_the_longest_gaps_only():
    keypoints = np.array(dance(8).keypoints)
    for joint in range(8):
        keypoints[50 : 70 + joint, 0, joint] = 0
    text = repair(Motion(keypoints, Fraction(25), 720, 1280)).report.as_text()
    assert "Gaps left empty: 8" in text and "left wrist: frames 50 to 76" in text and "nose" not in text


def test_without_mistakes_only_gaps_are_filled():
    bad = damaged(dance(4))
    result = repair(bad, RepairSettings(mistakes=False))
    assert np.array_equal(result.motion.keypoints, fill_gaps(bad.keypoints, 12))
    assert (result.report.swaps, result.report.outliers) == (0, 0)


def test_nothing_asked_nothing_done():
    bad = damaged(dance(4))
    assert np.array_equal(repair(bad, RepairSettings(False, 0)).motion.keypoints, bad.keypoints)


def test_people_who_come_and_go_are_not_extrapolated():
    keypoints = np.array(dance(8, people=2).keypoints)
    keypoints[:60, 1] = 0
    keypoints[150:, 1] = 0
    result = repair(damaged(Motion(keypoints, Fraction(25), 720, 1280), Damage(swaps=0)))
    seen = (result.motion.keypoints[:, 1, :, 2] > 0).any(axis=1)
    assert not seen[:60].any() and seen[60:150].all() and not seen[150:].any()


@pytest.mark.parametrize("shape", [(0, 1, 18, 3), (5, 0, 18, 3), (1, 1, 18, 3), (2, 2, 60, 3), (3, 1, 18, 3)])
@pytest.mark.parametrize("confidence", [0.0, 0.9])
def test_hardly_anything_to_repair(shape, confidence):
    keypoints = np.full(shape, 0.5 if confidence else 0, np.float32)
    keypoints[..., 2] = confidence
    motion_ = Motion(keypoints, Fraction(25), 64, 48)
    assert np.array_equal(repair(motion_).motion.keypoints, keypoints)


@settings(max_examples=40)
@given(motions(), st.floats(0, 3), st.booleans(), st.sampled_from([Fraction(1), Fraction(12), Fraction(60)]))
def test_anything_can_be_repaired(keypoints, max_gap, mistakes, rate):
    before = Motion(keypoints, rate, 64, 48)
    after = repair(before, RepairSettings(mistakes, max_gap)).motion
    found = keypoints[..., 2] > 0
    one_more = found | found[..., mirrored_order(18)]  # what is exchanged may have been seen on the other side only
    first, last = one_more.argmax(axis=0), len(found) - 1 - one_more[::-1].argmax(axis=0)
    frames = np.arange(len(found))[:, None, None]
    outside = (frames < first) | (frames > last) | ~one_more.any(axis=0)
    assert not (after.keypoints[outside] != 0).any()
    assert ((after.keypoints[..., 2] >= 0) & (after.keypoints[..., 2] <= 1)).all()
    assert not after.keypoints[after.keypoints[..., 2] == 0].any()


@pytest.mark.parametrize("max_gap", [-0.1, float("nan"), float("inf")])
def test_a_gap_of_no_length(max_gap):
    with pytest.raises(InputError, match="^max_gap: found"):
        RepairSettings(max_gap=max_gap)


def test_gaps_lie_between_sightings():
    keypoints = motion(np.linspace(0.1, 0.9, 10), [0, 1, 0, 0, 1, 1, 0, 1, 0, 0])
    gaps = find_gaps(Motion(keypoints, Fraction(25), 64, 48))
    assert len(gaps) == 36 and {(gap.first, gap.last) for gap in gaps} == {(2, 3), (6, 6)}
    assert [gap.frames for gap in gaps] == [2] * 18 + [1] * 18


def test_every_joint_has_a_name():
    names = [joint_name(joint) for joint in range(60)]
    assert tuple(names[:18]) == BODY_JOINTS and len(set(names)) == 60
    assert (names[18], names[39]) == ("left_hand_0", "right_hand_0")
