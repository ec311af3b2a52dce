"""What interpolation is expected to leave wrong."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.keyframes import expected_error as module
from frugal_motion.nodes.keyframes.adaptive import adaptive
from frugal_motion.nodes.keyframes.appearance import SIDE
from frugal_motion.nodes.keyframes.expected_error import expected_errors, line_errors, picture_errors
from frugal_motion.nodes.motion.motion import Motion

RATE = Fraction(12)


def sliding(places: list[float]) -> np.ndarray:
    """A soft spot that is at these columns, before a soft background ``(frames, SIDE, SIDE, 3)``."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    background = 90 + 30 * np.sin(columns / 5) * np.cos(rows / 4)
    spots = [150 * np.exp(-((columns - at) ** 2 + (rows - 16) ** 2) / 18) for at in places]
    frames = np.stack([np.clip(background + spot, 0, 255) for spot in spots])
    return np.repeat(frames[..., None], 3, axis=-1).astype(np.uint8)


def blended(small: np.ndarray, gap: int) -> np.ndarray:
    """The errors of a cross-fade."""
    frames, error = len(small) - gap, np.zeros(len(small) - gap)
    for step in range(1, gap):
        between = small[:frames] + step / gap * (small[gap:].astype(float) - small[:frames])
        error += ((between - small[step : step + frames]) ** 2).mean(axis=(1, 2, 3)) / 255**2
    return error


def test_what_moves_evenly_is_followed_and_a_cross_fade_is_not() -> None:
    small = sliding([6 + 1.5 * frame for frame in range(12)])
    for gap in (2, 4):
        expected = picture_errors(small)(gap)
        assert expected.shape == (12 - gap,)
        assert expected.mean() < 0.5 * blended(small, gap).mean()


def test_a_turn_is_where_the_error_is() -> None:
    small = sliding([6 + 2 * frame for frame in range(8)] + [20 - 2 * frame for frame in range(1, 7)])  # turns at 7
    errors = picture_errors(small)(4)
    assert errors.argmax() == 5 and errors[5] > 1.5 * np.median(errors)
    plan = adaptive(picture_errors(small), len(small), RATE, 4)
    assert {6, 7, 8} & set(plan.frames)


def test_nothing_moves() -> None:
    small = np.repeat(sliding([10]), 6, axis=0)
    assert picture_errors(small)(3).max() == 0
    assert picture_errors(small[:1])(1).shape == (0,)


def test_blocks_of_starts_change_nothing_and_are_counted() -> None:
    rng = np.random.default_rng(1)
    small = sliding(list(16 + rng.normal(0, 4, 150)))
    done: list[int] = []
    errors = picture_errors(small, done.append)(2)
    assert sum(done) == 148 and len(done) > 1
    for start in (0, 63, 64, 100, 147):
        assert errors[start] == pytest.approx(picture_errors(small[start : start + 3])(2)[0])


def test_motion_and_pictures_are_added() -> None:
    small = sliding([10.0 + frame for frame in range(9)])
    keypoints = np.random.default_rng(2).uniform(0.2, 0.8, (9, 1, 18, 3)).astype(np.float32)
    motion = Motion(keypoints, RATE, 64, 64)
    both = expected_errors(motion, small)(3)
    apart = expected_errors(motion, None)(3), expected_errors(None, small)(3)
    np.testing.assert_allclose(both, apart[0] + apart[1], rtol=1e-5)
    assert all(part.max() > 0 for part in apart)


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_straight_lines_are_free_but_for_their_length(gap: int) -> None:
    line = np.arange(10, dtype=np.float32)[:, None] * np.array([[1, -2]], np.float32)
    assert line_errors(line, reach=0)(gap).max() < 1e-6
    assert (line_errors(line, reach=0.1)(gap) > 0).all() == (gap > 1)


@pytest.mark.parametrize("gap", [1, 2, 3, 10, 57])
def test_running_sums_are_the_sum_over_the_gap(gap: int) -> None:
    path = (1e3 + np.random.default_rng(3).normal(0, 0.1, (60, 7)).cumsum(axis=0)).astype(np.float32)
    told: list[int] = []
    for start, error in enumerate(line_errors(path, reach=0, on_frames=told.append)(gap)):
        times = np.arange(gap + 1)
        ends = path[[start, start + gap]].astype(float).T
        line = np.stack([np.interp(times, (0, gap), end) for end in ends], axis=1)
        assert error == pytest.approx(((path[start : start + gap + 1] - line) ** 2).sum(), abs=1e-6)
    assert told == [60 - gap]


def test_a_motion_alone_can_be_cancelled() -> None:
    def cancel(_: int) -> None:
        raise KeyboardInterrupt

    motion = Motion(np.ones((9, 1, 18, 3), np.float32), RATE, 64, 64)
    with pytest.raises(KeyboardInterrupt):
        expected_errors(motion, None, cancel)(3)


def test_long_gaps_are_compared_here_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    small = sliding([16 + 8 * np.sin(frame / 20) for frame in range(160)])
    compared: list[int] = []
    bent_error = module._bent_error
    monkeypatch.setattr(module, "_bent_error", lambda *of: compared.append(of[-2]) or bent_error(*of))
    thinned = picture_errors(small)(96)
    assert thinned.shape == (64,) and len(compared) == 12
    monkeypatch.setattr(module, "_ALIKE", 1000)
    every = picture_errors(small)(96)
    assert np.abs(thinned - every).max() < 0.2 * np.ptp(every)
