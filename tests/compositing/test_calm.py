"""Calm paths within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from frugal_motion.nodes.compositing.calm import calmest

FRAMES = 60


def unrest(path: np.ndarray) -> float:
    """What the paper weighs: speed, its change and the change of that."""
    return sum(weight * float(np.abs(np.diff(path, order)).sum()) for order, weight in ((1, 10), (2, 1), (3, 100)))


def wandering(seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0, 2, FRAMES)
    return np.cumsum(gaussian_filter1d(steps, 2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 20))
def test_it_stays_within_bounds_and_no_smoothed_path_is_calmer(seed: int, room: float) -> None:
    middle = wandering(seed)
    least, most = middle - room, middle + room
    found = calmest(least, most)
    assert (found >= least).all() and (found <= most).all()
    for width in (0, 2, 6, 15):
        smoothed = np.clip(gaussian_filter1d(middle, width, mode="nearest") if width else middle, least, most)
        assert unrest(found) <= unrest(smoothed) + 0.5, "of which rounding is the most"


def test_it_stands_where_it_can() -> None:
    middle = 5 * np.sin(np.arange(FRAMES))
    assert np.ptp(calmest(middle - 6, middle + 6)) == 0


def test_it_goes_evenly_where_it_must_go() -> None:
    middle = 3.0 * np.arange(FRAMES)
    found = calmest(middle - 1, middle + 1)
    assert np.abs(np.diff(found, 2)).max() < 0.2
    assert found[-1] - found[0] > 3 * (FRAMES - 2)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_shots_of_a_few_frames(count: int) -> None:
    least, most = np.arange(count, dtype=float), np.arange(count) + 2.0
    found = calmest(least, most)
    assert found.shape == (count,) and (found >= least).all() and (found <= most).all()
