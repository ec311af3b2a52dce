from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.editing.timing import hold_map, key_poses, loop, resample, reverse, tempo_map
from frugal_motion.nodes.motion.motion import Motion

from .synthetic import dance, error
from .test_repair import motions

TEMPI = st.floats(0.25, 4)


def clip(keypoints, rate=25):
    return Motion(keypoints, Fraction(rate), 720, 1280)


@given(st.integers(2, 300), TEMPI, st.floats(0, 1))
def test_a_tempo_map_rises_from_the_first_to_the_last_frame(frames, tempo, ease):
    times = tempo_map(frames, tempo, ease)
    assert (np.diff(times) > 0).all()
    assert times[0] == 0 and times[-1] == pytest.approx(frames - 1)
    assert len(times) == max(2, round((frames - 1) / tempo) + 1)


def test_ease_starts_and_ends_slowly_and_is_fast_between():
    steps = np.diff(tempo_map(101, 1.0, 1.0))
    assert steps[0] < 0.05 and steps[-1] < 0.05 and steps[50] > 1.4


@given(st.integers(2, 200), st.floats(0, 1), st.data())
def test_a_hold_map_never_runs_backwards_and_keeps_the_keys(frames, hold, data):
    inside = data.draw(st.sets(st.integers(0, frames - 1)))
    keys = np.array(sorted({0, frames - 1} | inside))
    times = hold_map(np.arange(frames, dtype=float), keys, hold)
    assert (np.diff(times) >= -1e-12).all()
    np.testing.assert_allclose(times[keys], keys)
    if hold == 0:
        assert np.array_equal(times, np.arange(frames))


def test_hold_stays_at_a_pose_and_snaps_to_the_next():
    times = hold_map(np.arange(41, dtype=float), np.array([0, 20, 40]), 0.8)
    assert (times[:7] == 0).all() and (times[14:27] == 20).all() and np.diff(times).max() > 4


def test_key_poses_are_where_a_swing_turns():
    t = np.arange(100) / 25
    keypoints = np.ones((100, 1, 18, 3), np.float32)
    keypoints[..., :2] = 0.5
    keypoints[:, 0, 4, 0] += (0.1 * np.cos(2 * np.pi * t / 1.2)).astype(np.float32)  # turns every 0.6 s = 15 frames
    keys = key_poses(clip(keypoints))
    assert keys[0] == 0 and keys[-1] == 99
    assert all(np.abs(keys - turn).min() <= 1 for turn in range(15, 91, 15))


@settings(max_examples=25)
@given(motions())
def test_whole_times_return_their_frames_exactly(keypoints):
    motion = clip(keypoints)
    order = np.arange(len(keypoints))[::-1]
    assert np.array_equal(resample(motion, order.astype(float)).keypoints, keypoints[order])


@settings(max_examples=25)
@given(motions(), TEMPI)
def test_gaps_stay_and_nothing_is_nan(keypoints, tempo):
    times = tempo_map(len(keypoints), tempo)
    result = resample(clip(keypoints), times).keypoints
    nearest = np.clip(np.rint(times).astype(int), 0, len(keypoints) - 1)
    assert np.isfinite(result).all()
    assert np.array_equal(result[..., 2] > 0, keypoints[nearest][..., 2] > 0)
    assert not result[result[..., 2] == 0].any()


@pytest.mark.parametrize("tempo", [0.5, 0.7, 1.6])
def test_there_and_back_returns_near_the_start(tempo):
    motion = dance()
    there = resample(motion, tempo_map(motion.frame_count, tempo))
    back = resample(there, tempo_map(there.frame_count, (there.frame_count - 1) / (motion.frame_count - 1)))
    assert back.frame_count == motion.frame_count
    assert error(back, motion) < 0.002


def test_half_the_tempo_is_what_twice_the_frame_rate_sees():
    slow = resample(dance(frame_rate=Fraction(25)), tempo_map(200, 0.5))
    finer = dance(frame_rate=Fraction(50))
    assert error(slow, finer.with_keypoints(finer.keypoints[:399])) < 0.0005


def test_reversed_twice_is_the_identity():
    motion = dance()
    assert np.array_equal(reverse(motion).keypoints, motion.keypoints[::-1])
    assert np.array_equal(reverse(reverse(motion)).keypoints, motion.keypoints)


@pytest.mark.parametrize(("rate", "seed"), [(25, 0), (25, 1), (12, 2), (60, 3)])
def test_the_end_of_a_loop_goes_on_into_its_beginning(rate, seed):
    motion = dance(frame_rate=Fraction(rate), people=2, seed=seed)
    looped = loop(motion).keypoints[..., :2].astype(np.float64)
    step = np.linalg.norm(np.diff(looped, axis=0), axis=-1)
    change = np.linalg.norm(np.diff(looped, n=2, axis=0), axis=-1)
    twice = np.concatenate((looped, looped))
    seam = len(looped)
    at_seam = np.linalg.norm(np.diff(twice, axis=0), axis=-1)[seam - 1]
    turn_at_seam = np.linalg.norm(np.diff(twice, n=2, axis=0), axis=-1)[seam - 2 : seam]
    assert at_seam.mean() < 2 * step.mean() and (at_seam <= step.max(axis=0) * 1.1).all()
    assert turn_at_seam.mean() < 2 * change.mean()
    cut = np.linalg.norm(motion.keypoints[0, ..., :2] - motion.keypoints[-1, ..., :2], axis=-1)
    assert at_seam.mean() < 0.6 * cut.mean()
    assert 0.7 * motion.frame_count - rate * 0.6 < len(looped) < motion.frame_count


@settings(max_examples=25)
@given(motions())
def test_a_loop_of_anything_is_finite(keypoints):
    looped = loop(clip(keypoints)).keypoints
    assert np.isfinite(looped).all() and len(looped) <= len(keypoints)
    assert not looped[looped[..., 2] == 0].any()


def test_no_frames():
    empty = clip(np.zeros((0, 1, 18, 3), np.float32))
    assert resample(empty, np.zeros(0)).frame_count == 0 and loop(empty).frame_count == 0
    assert len(key_poses(empty)) == 0 and len(tempo_map(0, 2.0)) == 0
    with pytest.raises(InputError, match="^motion: found no frames"):
        resample(empty, np.zeros(3))
