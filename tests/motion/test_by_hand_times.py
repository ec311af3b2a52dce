"""The time map of edits by hand, and how a body gets over a cut."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.body import BONES
from frugal_motion.nodes.motion.editing.by_hand.apply import edited
from frugal_motion.nodes.motion.editing.by_hand.edits import Delete, Edits, Hold, Speed
from frugal_motion.nodes.motion.editing.by_hand.times import time_map

from .synthetic import dance
from .test_by_hand import TIMES, places


def times(*each, frames=40):
    return time_map(Edits(edits=each), frames)


@given(TIMES, st.integers(0, 60))
def test_time_never_runs_backwards_nor_leaves_the_clip(each, frames):
    result = times(*each, frames=frames)
    assert (np.diff(result) >= 0).all()
    assert ((result >= 0) & (result < max(frames, 1))).all()
    deleted = {frame for edit in each if isinstance(edit, Delete) for frame in range(edit.first, edit.last + 1)}
    assert not deleted & {int(time) for time in result if time == int(time)}
    touched = deleted | {edit.frame for edit in each if isinstance(edit, Hold)}
    touched |= {frame for edit in each if isinstance(edit, Speed) for frame in range(edit.first, edit.last + 1)}
    for frame in set(range(frames)) - touched:
        assert (result == frame).sum() == 1


def test_without_edits_of_time_every_frame_is_itself():
    assert np.array_equal(times(frames=7), np.arange(7)) and len(times(frames=0)) == 0


def test_a_pose_is_held_for_so_many_more_frames():
    assert times(Hold(frame=2, frames=3), frames=5).tolist() == [0, 1, 2, 2, 2, 2, 3, 4]
    assert times(Hold(frame=4, frames=1), frames=5).tolist() == [0, 1, 2, 3, 4, 4]


def test_a_frame_that_is_cut_out_cannot_be_held_which_is_told():
    clip = dance(1.6)
    cut, held = Delete(first=8, last=12, fade=0), Hold(frame=10, frames=3)
    result = edited(clip, Edits(edits=(held, cut)))
    assert result.motion.frame_count == clip.frame_count - 5
    assert [(note.edit, note.why) for note in result.notes] == [(0, "frame 10 is cut out")]
    assert not edited(clip, Edits(edits=(held, cut.model_copy(update={"off": True})))).notes


@pytest.mark.parametrize(
    ("factor", "count"), [(2.0, 6), (0.5, 24), (3.0, 4), (10.0, 1), (0.1, 120), (1.0, 12), (1.7, 7)]
)
def test_a_span_takes_its_length_over_its_factor(factor, count):
    result = times(Speed(first=10, last=21, factor=float(factor)))
    assert len(result) == 28 + count
    assert np.array_equal(result[:11], np.arange(11)) and np.array_equal(result[10 + count :], np.arange(22, 40))
    np.testing.assert_allclose(result[10 : 10 + count], 10 + np.arange(count) * 12 / count)


def test_the_order_of_factors_has_no_meaning_to_the_bit():
    speeds = [Speed(first=0, last=30, factor=factor) for factor in (1.8, 2.7, 1.6)]
    made = [times(*order) for order in permutations(speeds)]
    assert all(np.array_equal(made[0], other) for other in made)


def test_factors_of_spans_that_overlap_multiply():
    result = times(Speed(first=0, last=19, factor=2.0), Speed(first=10, last=29, factor=2.0))
    assert len(result) == 13 + 10  # 5 + 2.5 + 5, and the ten that are left
    again = times(Speed(first=10, last=29, factor=0.5), Speed(first=10, last=29, factor=2.0))
    assert np.array_equal(again, np.arange(40))


def test_frames_are_cut_out():
    assert times(Delete(first=3, last=5), Delete(first=5, last=8), frames=12).tolist() == [0, 1, 2, 9, 10, 11]
    assert len(times(Delete(first=0, last=99))) == 0


def test_all_at_once():
    result = times(Hold(frame=3, frames=2), Delete(first=5, last=6), Speed(first=3, last=8, factor=0.5), frames=10)
    assert result.tolist() == [0, 1, 2, 3, 3, 3, 3.5, 4, 4.5, 7, 7.5, 8, 8.5, 9]


def test_too_many_frames_are_refused_before_they_are_made():
    with pytest.raises(InputError, match="^edits: found .* frames"):
        times(*(Hold(frame=frame, frames=10_000) for frame in range(200)), frames=200)


def test_frames_that_time_does_not_touch_stay_as_they_are():
    clip = dance(people=2)
    result = edited(clip, Edits(edits=(Speed(first=50, last=69, factor=0.6), Hold(frame=100, frames=12)))).motion
    extra = round(20 / 0.6) - 20
    assert result.frame_count == 200 + extra + 12
    assert np.array_equal(result.keypoints[:50], clip.keypoints[:50])
    assert np.array_equal(result.keypoints[70 + extra : 101 + extra], clip.keypoints[70:101])
    assert np.array_equal(result.keypoints[113 + extra :], clip.keypoints[101:])
    assert (result.keypoints[100 + extra : 113 + extra] == clip.keypoints[100]).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_jump_of_a_cut_is_spread_and_bones_do_not_shrink(seed):
    clip = dance(people=2, seed=seed)
    hard, soft = (edited(clip, Edits(edits=(Delete(first=60, last=110, fade=fade),))).motion for fade in (0, 10))
    assert np.array_equal(hard.keypoints, np.delete(clip.keypoints, range(60, 111), axis=0))
    turns = [np.abs(np.diff(places(motion)[45:75], n=2, axis=0)).max() for motion in (hard, soft)]
    assert turns[1] < 0.4 * turns[0]
    assert np.array_equal(soft.keypoints[:50], hard.keypoints[:50])
    assert np.array_equal(soft.keypoints[70:], hard.keypoints[70:])
    for parent, child in BONES:
        lengths = np.abs(places(soft)[..., child] - places(soft)[..., parent])
        assert np.ptp(lengths) <= np.ptp(np.abs(places(clip)[..., child] - places(clip)[..., parent])) + 1e-6
