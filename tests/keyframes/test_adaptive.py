"""Adaptive plans against an exhaustive search, and against evenly spaced ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes import adaptive as module
from frugal_motion.nodes.keyframes.adaptive import adaptive
from frugal_motion.nodes.keyframes.expected_error import line_errors
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth

RATE = Fraction(12)


def plan_of(features: np.ndarray, count: int, cuts: tuple[int, ...] = (), reach: float = 0.02) -> Keyframes:
    return adaptive(line_errors(features, reach), len(features), RATE, count, cuts)


def left_wrong(features: np.ndarray, frames: tuple[int, ...], cuts: tuple[int, ...] = ()) -> float:
    """Squared error of straight lines between keyframes; held on the sides of a cut."""
    total = 0.0
    for a, b in pairwise(frames):
        if b not in cuts:
            times = np.arange(a, b + 1)
            line = np.stack([np.interp(times, (a, b), column[[a, b]]) for column in features.T], axis=1)
            total += float(((line - features[a : b + 1]) ** 2).sum())
    return total


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(3, 11), st.data())
def test_no_other_choice_is_better(seed: int, frames: int, data: st.DataObject) -> None:
    features = np.random.default_rng(seed).normal(size=(frames, 2)).cumsum(axis=0).astype(np.float32)
    cuts = tuple(sorted(data.draw(st.sets(st.integers(1, frames - 1), max_size=2))))
    ends = {0, frames - 1, *cuts, *(cut - 1 for cut in cuts)}
    count = data.draw(st.integers(len(ends), frames))
    plan = plan_of(features, count, cuts, reach=0)
    assert len(plan.frames) == count and ends <= set(plan.frames) and plan.cuts == cuts
    others = ((*ends, *more) for more in combinations(sorted(set(range(frames)) - ends), count - len(ends)))
    best = min(left_wrong(features, tuple(sorted(other)), cuts) for other in others)
    assert left_wrong(features, plan.frames, cuts) <= best + 1e-3 * (1 + best)


def dance(frames: int, seed: int) -> np.ndarray:
    """Movement in starts and stops."""
    rng = np.random.default_rng(seed)
    speed = np.repeat(rng.normal(size=(frames // 10 + 1, 6)) ** 3, 10, axis=0)[:frames]
    return speed.cumsum(axis=0).astype(np.float32)


@pytest.mark.parametrize("every", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_less_error_than_evenly_spaced(every: int, seed: int) -> None:
    features = dance(240, seed)
    even = every_nth(240, RATE, every)
    plan = plan_of(features, len(even.frames))
    assert len(plan.frames) == len(even.frames)
    assert left_wrong(features, plan.frames) < 0.7 * left_wrong(features, even.frames)


def test_nothing_moves_and_nothing_breaks() -> None:
    plan = plan_of(np.zeros((50, 3), np.float32), 10)
    assert len(plan.frames) == 10 and plan.frames[0] == 0 and plan.frames[-1] == 49


@pytest.mark.parametrize(("frames", "count", "wanted"), [(1, 1, 1), (1, 5, 1), (2, 1, 2), (5, 99, 5), (30, 1, 2)])
def test_counts_that_do_not_fit_are_brought_into_range(frames: int, count: int, wanted: int) -> None:
    assert len(plan_of(dance(frames, 0), count).frames) == wanted


def test_a_long_shot_among_short_ones() -> None:
    cuts = tuple(range(2, 40, 2))
    plan = plan_of(dance(400, 1), 40, cuts)
    assert len(plan.frames) == 40 and plan.cuts == cuts


def test_a_long_clip_is_planned_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_PIECE", 60)
    features = dance(240, 2)
    even = every_nth(240, RATE, 4)
    plan = plan_of(features, len(even.frames), (61, 130))
    assert abs(len(plan.frames) - len(even.frames)) <= 4
    assert left_wrong(features, plan.frames, plan.cuts) < 0.8 * left_wrong(features, even.frames)


def test_bad_count() -> None:
    with pytest.raises(InputError, match="count: found 0"):
        plan_of(dance(5, 0), 0)
