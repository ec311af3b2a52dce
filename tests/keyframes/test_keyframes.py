"""Plans: which frames are sampled, and what stands between them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth

RATE = Fraction(12)


@st.composite
def plans(draw: st.DrawFn) -> Keyframes:
    count = draw(st.integers(1, 60))
    cuts = draw(st.lists(st.integers(1, count - 1), unique=True, max_size=4)) if count > 1 else []
    return every_nth(count, RATE, draw(st.integers(1, 70)), tuple(sorted(cuts)))


@given(plans())
def test_first_and_last_frame_of_every_shot_are_keyframes(plan: Keyframes) -> None:
    for first, last in plan.segments():
        assert {first, last} <= set(plan.frames)


@given(plans())
def test_shots_cover_the_clip_once(plan: Keyframes) -> None:
    covered = [frame for first, last in plan.segments() for frame in range(first, last + 1)]
    assert covered == list(range(plan.frame_count))


@given(plans(), st.data())
def test_a_bracket_is_linear_in_time_and_stays_in_its_shot(plan: Keyframes, data: st.DataObject) -> None:
    frame = data.draw(st.fractions(0, plan.frame_count - 1, max_denominator=25))
    bracket = plan.bracket(frame)
    left, right = plan.frames[bracket.left], plan.frames[bracket.right]
    assert not any(left < cut <= right for cut in plan.cuts)
    first, last = next(s for s in reversed(plan.segments()) if s[0] <= frame)
    assert first <= left <= right <= last
    inside = min(frame, Fraction(last))  # after a shot's last frame it is held until the cut
    assert left + bracket.weight * (right - left) == inside
    assert 0 <= bracket.weight < 1


def test_every_fourth_frame_and_the_last() -> None:
    assert every_nth(10, RATE, 4).frames == (0, 4, 8, 9)


def test_interval_longer_than_the_clip_leaves_its_ends() -> None:
    assert every_nth(5, RATE, 100).frames == (0, 4)


@pytest.mark.parametrize("every", [0, -3])
def test_interval_below_one_is_refused(every: int) -> None:
    with pytest.raises(InputError, match="every: found .*allowed: 1"):
        every_nth(10, RATE, every)


@pytest.mark.parametrize(
    ("frames", "count", "cuts", "message"),
    [
        ((), 5, (), "none in frames 0..4"),
        ((0, 9), 5, (), r"keyframes: found \(0, 9\)"),
        ((2, 1), 5, (), "ascending"),
        ((0,), 5, (3,), "none in frames 3..4"),
        ((0,), 5, (0,), "cuts"),
        ((0,), 0, (), "0 frames"),
    ],
)
def test_impossible_plans_are_refused(frames: tuple[int, ...], count: int, cuts: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Keyframes(frames, count, RATE, cuts)


@given(plans())
def test_survives_the_cache(plan: Keyframes) -> None:
    assert Keyframes.from_fields(plan.to_fields()) == plan
