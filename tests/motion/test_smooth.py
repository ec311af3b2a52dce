import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import correlate, lfilter, savgol_filter

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.cleaning.kalman import smooth_kalman
from frugal_motion.nodes.motion.cleaning.repair import repair
from frugal_motion.nodes.motion.cleaning.smooth import FULL_STRENGTH, METHODS, smooth

from .synthetic import damaged, dance, error
from .test_repair import motions

ALL = st.sampled_from(sorted(METHODS))
WITHOUT_LAG = ("savgol", "gaussian", "kalman")
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


def still(frames, noise=1e-4):
    """A joint at rest, in noise so small that it does not seem to move."""
    rng = np.random.default_rng(3)
    keypoints = np.ones((frames, 1, 18, 3), np.float32)
    keypoints[..., :2] = 0.5 + rng.normal(0, noise, (frames, 1, 18, 2))
    return keypoints


def sine(hertz, rate, size=0.2, seconds=20):
    keypoints = np.ones((int(seconds * rate), 1, 18, 3), np.float32)
    times = np.arange(len(keypoints)) / rate
    keypoints[..., :2] = 0.5 + size * np.sin(2 * np.pi * hertz * times)[:, None, None, None]
    return keypoints


def response(before, after, hertz, rate):
    """Amplitude and phase of one frequency, after over before."""
    inner = slice(2 * rate, -2 * rate)  # whole periods of whole numbers of Hz
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(before)) / rate)[inner]
    a, b = ((k[inner, 0, 0, 0].astype(np.float64) - 0.5) @ wave for k in (before, after))
    return abs(b / a), np.angle(b / a)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rate", [12, 25, 60])
@pytest.mark.parametrize("strength", [0.05, 0.5, 1.0])
def test_a_strength_means_the_same_with_every_method(method, rate, strength):
    noise = still(6000)
    averaged = math.hypot(1, strength * float(FULL_STRENGTH) * rate)
    left = (smooth(noise, Fraction(rate), strength, method)[..., :2] - 0.5).std() / (noise[..., :2] - 0.5).std()
    assert left == pytest.approx(averaged**-0.5, rel=0.03)


def test_2_hz_at_25_frames_per_second_stay():
    before = sine(2, 25)
    gain, _ = response(before, smooth(before, Fraction(25), 0.5), 2, 25)
    assert 0.97 < gain <= 1


@pytest.mark.parametrize("method", WITHOUT_LAG)
@pytest.mark.parametrize("hertz", [1, 2, 3])
def test_nothing_lags(method, hertz):
    before = sine(hertz, 30)
    gain, phase = response(before, smooth(before, Fraction(30), 0.7, method), hertz, 30)
    assert gain > 0.2 and abs(phase) < 1e-5


def test_one_euro_lags():
    before = sine(2, 30)
    assert response(before, smooth(before, Fraction(30), 0.7, "one_euro"), 2, 30)[1] < -0.1


def test_one_euro_knows_nothing_of_the_future():
    _, noisy = walk(30, noise=0.01)
    whole, part = (smooth(keypoints, Fraction(30), 0.5, "one_euro") for keypoints in (noisy, noisy[:100]))
    np.testing.assert_allclose(whole[:100], part, atol=1e-7)


@pytest.mark.parametrize("method", WITHOUT_LAG)
def test_a_noisy_walk_is_not_shifted(method):
    true, noisy = walk(30, noise=0.01)
    smoothed = smooth(noisy, Fraction(30), 0.7, method)
    a, b = (k[:, 0, :, 0] - k[:, 0, :, 0].mean(axis=0) for k in (true, smoothed))
    score = sum(correlate(b[:, j], a[:, j], mode="same") for j in range(18))
    assert int(np.argmax(score)) == len(a) // 2


def rms(errors):
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.fixture(scope="module")
def takes():
    """Truth, damaged and repaired."""
    truths = [dance(10, people=2, seed=seed) for seed in range(3)]
    raw = [damaged(truth, seed=10 + seed) for seed, truth in enumerate(truths)]
    return truths, raw, [repair(motion).motion for motion in raw]


def left(motions_, truths):
    return rms([error(motion, truth) for motion, truth in zip(motions_, truths, strict=True)])


def smoothed_takes(takes, **settings):
    return [m.with_keypoints(smooth(m.keypoints, m.frame_rate, **{"strength": 0.5, **settings})) for m in takes[2]]


@pytest.mark.parametrize("method", METHODS)
def test_most_of_the_error_goes(takes, method):
    truths, raw, _ = takes
    assert left(smoothed_takes(takes, method=method), truths) < 0.4 * left(raw, truths)


def filtered(takes, one):
    """The repaired takes through a filter of ``(frames, series)``. What is missing here lies at the ends."""
    results = []
    for motion in takes[2]:
        keypoints = np.array(motion.keypoints)
        frames = np.arange(len(keypoints))
        for person, joint in np.ndindex(keypoints.shape[1:3]):
            there = keypoints[:, person, joint, 2] > 0
            for axis in (0, 1):
                keypoints[:, person, joint, axis] = np.interp(
                    frames, frames[there], keypoints[there, person, joint, axis]
                )
        series = keypoints[..., :2].reshape(len(frames), -1).astype(np.float64)
        keypoints[..., :2] = one(series).reshape(keypoints[..., :2].shape)
        results.append(motion.with_keypoints(keypoints))
    return results


def one_euro(x, min_cutoff, beta, rate=25.0):
    """Casiez, Roussel and Vogel, CHI 2012, as their pseudocode has it."""

    def share(cutoff):
        return 1 / (1 + rate / (2 * np.pi * cutoff))

    result, speed = x.copy(), np.zeros_like(x[0])
    for i in range(1, len(x)):
        speed = speed + share(1.0) * ((x[i] - result[i - 1]) * rate - speed)
        result[i] = result[i - 1] + share(min_cutoff + beta * np.abs(speed)) * (x[i] - result[i - 1])
    return result


TUNED = {
    "exponential": [
        lambda x, a=a: lfilter([a], [1, a - 1], x - x[0], axis=0) + x[0] for a in (0.5, 0.6, 0.7, 0.8, 0.9, 1)
    ],
    "moving": [lambda x, n=n: uniform_filter1d(x, n, axis=0, mode="nearest") for n in (1, 3, 5, 7)],
    "one_euro": [lambda x, c=c, b=b: one_euro(x, c, b) for c in (1, 2, 4) for b in (1, 10, 100)],
}


@pytest.mark.parametrize("name", TUNED)
def test_it_beats_other_filters_at_their_best(takes, name):
    best = min(left(filtered(takes, one), takes[0]) for one in TUNED[name])
    assert left(smoothed_takes(takes), takes[0]) < best


def test_strength_means_the_same_at_12_and_60_frames_per_second():
    slow, fast = (smooth(walk(rate)[0], Fraction(rate), 0.75) for rate in (12, 60))
    # Frame k at 12 is frame 5k at 60; the polynomial's bias depends on the window in seconds.
    np.testing.assert_allclose(slow[6:-6], fast[::5][: len(slow)][6:-6], atol=0.006)


@pytest.mark.parametrize("window", [7, 13, 21])
def test_it_is_savitzky_golay(window):
    _, noisy = walk(30, noise=0.01)
    unit = np.zeros(101)
    unit[50] = 1
    averaged = 1 / np.sum(savgol_filter(unit, window, 4) ** 2)
    strength = math.sqrt(averaged**2 - 1) / float(FULL_STRENGTH * 30)
    expected = savgol_filter(noisy[..., :2].astype(np.float64), window, 4, axis=0)
    inner = slice(window, -window)
    np.testing.assert_allclose(smooth(noisy, Fraction(30), strength)[inner, ..., :2], expected[inner], atol=1e-6)


def test_it_is_a_gaussian():
    _, noisy = walk(30, noise=0.01)
    deviation = 1.7
    strength = math.sqrt((2 * math.sqrt(math.pi) * deviation) ** 2 - 1) / float(FULL_STRENGTH * 30)
    expected = gaussian_filter1d(noisy[..., :2].astype(np.float64), deviation, axis=0)
    inner = slice(10, -10)
    np.testing.assert_allclose(
        smooth(noisy, Fraction(30), strength, "gaussian")[inner, ..., :2], expected[inner], atol=1e-6
    )


def rauch_tung_striebel(measured, variances, jerk):
    """The textbook's two passes, from a prior that knows nothing."""
    step = np.array([[1, 1, 0.5], [0, 1, 1], [0, 0, 1]])
    noise = jerk * np.array([[1 / 20, 1 / 8, 1 / 6], [1 / 8, 1 / 3, 1 / 2], [1 / 6, 1 / 2, 1]])
    mean, cover = np.zeros(3), np.eye(3) * 1e6
    filtered_, predicted = [], []
    for index, (value, variance) in enumerate(zip(measured, variances, strict=True)):
        if index:
            mean, cover = step @ mean, step @ cover @ step.T + noise
        predicted.append((mean, cover))
        gain = cover[:, 0] / (cover[0, 0] + variance)
        mean, cover = mean + gain * (value - mean[0]), cover - np.outer(gain, cover[0])
        filtered_.append((mean, cover))
    result = [filtered_[-1][0]]
    for (mean, cover), (ahead, ahead_cover) in zip(filtered_[-2::-1], predicted[:0:-1], strict=True):
        back = cover @ step.T @ np.linalg.inv(ahead_cover)
        result.append(mean + back @ (result[-1] - ahead))
    return np.array(result[::-1])[:, 0]


def test_it_is_the_smoother_of_rauch_tung_and_striebel():
    rng = np.random.default_rng(2)
    positions = np.cumsum(rng.normal(0, 0.05, (1, 60, 2)), axis=1)
    weights = rng.uniform(0.2, 1, (1, 60))
    ours = smooth_kalman(positions, weights, 4.0)[0]

    def apart(jerk):
        theirs = np.stack([rauch_tung_striebel(axis, 1 / weights[0], jerk) for axis in positions[0].T], axis=-1)
        return np.abs(ours - theirs).max()

    # The jerk that averages 4 frames is ours to find: one of these is it, up to the grid.
    assert min(apart(jerk) for jerk in np.geomspace(0.05, 5, 201)) < 2e-3 < apart(0.01)


@pytest.mark.parametrize("method", METHODS)
def test_a_doubtful_frame_counts_less(method):
    def moved_by(confidence):
        keypoints = still(61, 0)
        keypoints[30, ..., 0] += 0.1
        keypoints[30, ..., 2] = confidence
        return smooth(keypoints, Fraction(30), 0.5, method)[30, 0, 0, 0] - 0.5

    assert 0 <= moved_by(0.1) < 0.5 * moved_by(1.0)
    assert moved_by(0.1) < moved_by(0.5) < moved_by(1.0)


@pytest.mark.parametrize("method", METHODS)
def test_only_the_confidence_relative_to_the_joint_counts(method):
    _, noisy = walk(30, noise=0.01)
    doubtful = noisy.copy()
    doubtful[..., 2] = 0.3
    np.testing.assert_allclose(
        smooth(doubtful, Fraction(30), 0.5, method)[..., :2],
        smooth(noisy, Fraction(30), 0.5, method)[..., :2],
        atol=1e-6,
    )


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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8])
def test_short_runs_stay_where_they_are(method, length):
    _, noisy = walk(30, noise=0.01)
    smoothed = smooth(noisy[:length], Fraction(30), 1.0, method)
    assert np.abs(smoothed - noisy[:length]).max() < 0.06
    assert (smoothed != noisy[:length]).any() or length < 4


@settings(max_examples=40)
@given(motions(), RATES, STRENGTHS, ALL)
def test_gaps_and_confidences_stay_and_nothing_is_nan(keypoints, rate, strength, method):
    before = keypoints.copy()
    smoothed = smooth(keypoints, rate, strength, method)
    assert np.array_equal(keypoints, before) and smoothed.shape == keypoints.shape and smoothed.dtype == np.float32
    assert np.isfinite(smoothed).all()
    assert np.array_equal(smoothed[..., 2], keypoints[..., 2])
    assert not smoothed[keypoints[..., 2] == 0].any()


@settings(max_examples=20)
@given(motions(), RATES, ALL)
def test_strength_0_is_the_identity(keypoints, rate, method):
    assert np.array_equal(smooth(keypoints, rate, 0, method), keypoints)


@settings(max_examples=30)
@given(motions(), RATES, STRENGTHS, ALL, st.floats(0, 0.5), st.floats(0, 0.5))
def test_moving_the_person_moves_the_result(keypoints, rate, strength, method, dx, dy):
    found = keypoints[..., 2] > 0
    moved = keypoints.copy()
    moved[found, :2] += np.array([dx, dy], np.float32)
    expected = smooth(keypoints, rate, strength, method)
    expected[found, :2] += np.array([dx, dy], np.float32)
    np.testing.assert_allclose(smooth(moved, rate, strength, method), expected, atol=1e-5)


@settings(max_examples=30)
@given(st.floats(0, 1, width=32), st.integers(1, 40), RATES, STRENGTHS, ALL)
def test_a_person_who_stands_still_stays_put(position, frames, rate, strength, method):
    standing = np.full((frames, 1, 18, 3), position, np.float32)
    standing[..., 2] = 1
    np.testing.assert_allclose(smooth(standing, rate, strength, method), standing, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(0, 1, 18, 3), (5, 0, 18, 3), (1, 1, 18, 3), (40, 2, 60, 3)])
def test_a_motion_without_joints(shape, method):
    empty = np.zeros(shape, np.float32)
    assert np.array_equal(smooth(empty, Fraction(12), 1, method), empty)


@pytest.mark.parametrize(
    ("strength", "method"), [(-0.1, "savgol"), (1.5, "savgol"), (float("nan"), "savgol"), (0.5, "x")]
)
def test_bad_settings(strength, method):
    with pytest.raises(InputError, match=r"strength: found|method: found"):
        smooth(np.zeros((3, 1, 18, 3), np.float32), Fraction(12), strength, method)
