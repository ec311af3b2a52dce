from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.smooth import smooth

from .test_repair import motions

RATES = st.sampled_from([Fraction(12), Fraction(25), Fraction(30000, 1001), Fraction(60)])
STRENGTHS = st.floats(0, 1)


def walk(rate, seconds=8, noise=0.0):
    """A body swaying at 0.7 Hz, and the same with detector noise: ``(frames, 1, 18, 3)`` each."""
    rng = np.random.default_rng(7)
    t = np.arange(int(seconds * rate)) / float(rate)
    phase = np.linspace(0, 2, 18)
    true = np.ones((len(t), 1, 18, 3), np.float32)
    true[:, 0, :, 0] = 0.5 + 0.2 * np.sin(2 * np.pi * 0.7 * t[:, None] + phase)
    true[:, 0, :, 1] = 0.5 + 0.1 * np.cos(2 * np.pi * 0.7 * t[:, None] + phase)
    noisy = true.copy()
    noisy[..., :2] += rng.normal(0, noise, noisy[..., :2].shape)
    return true, noisy


def rmse(a, b):
    return float(np.sqrt(np.mean((a[..., :2] - b[..., :2]) ** 2)))


@pytest.mark.parametrize("rate", [12, 30, 60])
def test_noise_falls_and_the_movement_stays(rate):
    true, noisy = walk(rate, noise=0.01)
    smoothed = smooth(noisy, Fraction(rate), 0.5)
    assert rmse(smoothed, true) < 0.65 * rmse(noisy, true)
    assert rmse(smooth(true, Fraction(rate), 0.5), true) < 0.003


def test_nothing_lags():
    true, noisy = walk(30, noise=0.01)
    smoothed = smooth(noisy, Fraction(30), 0.7)
    a = true[..., 0].reshape(len(true), -1) - true[..., 0].mean()
    b = smoothed[..., 0].reshape(len(true), -1) - smoothed[..., 0].mean()
    score = [np.sum(a[5:-5] * np.roll(b, shift, axis=0)[5:-5]) for shift in range(-5, 6)]
    assert int(np.argmax(score)) - 5 == 0


def test_strength_means_the_same_at_12_and_60_frames_per_second():
    slow, fast = (smooth(walk(rate)[0], Fraction(rate), 0.75) for rate in (12, 60))
    # Frame k at 12 is frame 5k at 60; the parabola's bias depends on the window in seconds.
    np.testing.assert_allclose(slow[6:-6], fast[::5][: len(slow)][6:-6], atol=0.006)


@pytest.mark.parametrize(("rate", "strength", "window"), [(12, 0.5, 7), (30, 0.4, 13), (60, 0.5, 31), (60, 1, 61)])
def test_it_is_savitzky_golay_over_strength_seconds(rate, strength, window):
    _, noisy = walk(rate, noise=0.01)
    expected = savgol_filter(noisy[..., :2].astype(np.float64), window, 2, axis=0)
    np.testing.assert_allclose(smooth(noisy, Fraction(rate), strength)[..., :2], expected, atol=1e-6)


def test_even_the_slightest_strength_removes_jitter():
    _, noisy = walk(12, noise=0.01)
    steps = (0, 0.05, 0.1, 0.2, 0.3, 0.5)
    jitter = [np.abs(np.diff(smooth(noisy, Fraction(12), s)[..., :2], n=3, axis=0)).mean() for s in steps]
    assert all(later < earlier for earlier, later in pairwise(jitter))


def test_each_run_of_found_frames_is_smoothed_alone():
    _, noisy = walk(30, noise=0.01)
    noisy[100:110, 0, 4] = 0
    smoothed = smooth(noisy, Fraction(30), 0.5)
    for part in (slice(0, 100), slice(110, None)):
        np.testing.assert_array_equal(smoothed[part, :, 4], smooth(noisy[part], Fraction(30), 0.5)[:, :, 4])
    assert not smoothed[100:110, 0, 4].any()


@pytest.mark.parametrize(("length", "changes"), [(1, False), (4, False), (5, True), (8, True)])
def test_runs_shorter_than_the_window(length, changes):
    _, noisy = walk(30, noise=0.01)
    noisy = noisy[:length]
    assert (smooth(noisy, Fraction(30), 1.0) != noisy).any() == changes


@settings(max_examples=40, deadline=None)
@given(motions(), RATES, STRENGTHS)
def test_gaps_and_confidences_stay_and_nothing_is_nan(keypoints, rate, strength):
    before = keypoints.copy()
    smoothed = smooth(keypoints, rate, strength)
    assert np.array_equal(keypoints, before) and smoothed.shape == keypoints.shape and smoothed.dtype == np.float32
    assert np.isfinite(smoothed).all()
    assert np.array_equal(smoothed[..., 2], keypoints[..., 2])
    assert not smoothed[keypoints[..., 2] == 0].any()


@settings(max_examples=20, deadline=None)
@given(motions(), RATES)
def test_strength_0_is_the_identity(keypoints, rate):
    assert np.array_equal(smooth(keypoints, rate, 0), keypoints)


@settings(max_examples=30, deadline=None)
@given(motions(), RATES, STRENGTHS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_moving_the_person_moves_the_result(keypoints, rate, strength, dx, dy):
    found = keypoints[..., 2] > 0
    moved = keypoints.copy()
    moved[found, :2] += np.array([dx, dy], np.float32)
    expected = smooth(keypoints, rate, strength)
    expected[found, :2] += np.array([dx, dy], np.float32)
    np.testing.assert_allclose(smooth(moved, rate, strength), expected, atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1, width=32), st.integers(1, 40), RATES, STRENGTHS)
def test_a_person_who_stands_still_stays_put(position, frames, rate, strength):
    still = np.full((frames, 1, 18, 3), position, np.float32)
    still[..., 2] = 1
    np.testing.assert_allclose(smooth(still, rate, strength), still, atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 1, 18, 3), (5, 0, 18, 3), (1, 1, 18, 3), (40, 2, 60, 3)])
def test_a_motion_without_joints(shape):
    empty = np.zeros(shape, np.float32)
    assert np.array_equal(smooth(empty, Fraction(12), 1), empty)


@pytest.mark.parametrize(
    ("strength", "method"), [(-0.1, "savgol"), (1.5, "savgol"), (float("nan"), "savgol"), (0.5, "x")]
)
def test_bad_settings(strength, method):
    with pytest.raises(InputError, match=r"strength: found|method: found"):
        smooth(np.zeros((3, 1, 18, 3), np.float32), Fraction(12), strength, method)
