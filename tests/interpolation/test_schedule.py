"""The rational time grid: properties that hold for any keyframes, cuts and rates."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.interpolation.schedule import frame_count, schedule
from frugal_motion.nodes.keyframes.keyframes import Keyframes

rates = st.sampled_from(["12", "24000/1001", "24", "25", "30000/1001", "30", "50", "60", "7/3", "240"]).map(Fraction)


@st.composite
def plans(draw: st.DrawFn) -> Keyframes:
    count = draw(st.integers(1, 120))
    cuts = sorted(draw(st.sets(st.integers(1, count - 1), max_size=4))) if count > 1 else []
    bounds = [0, *cuts, count]
    frames: set[int] = set()
    for first, end in pairwise(bounds):
        frames |= draw(st.sets(st.integers(first, end - 1), min_size=1, max_size=12))
    return Keyframes(tuple(sorted(frames)), count, draw(rates), tuple(cuts))


@given(plans(), rates)
def test_every_frame_lies_exactly_where_its_time_is(plan: Keyframes, rate: Fraction) -> None:
    for j, bracket in enumerate(schedule(plan, rate)):
        left, right = plan.frames[bracket.left], plan.frames[bracket.right]
        at = Fraction(j) / rate * plan.frame_rate
        if left == right:
            assert bracket.weight == 0
        else:
            assert left < at < right
            assert left + bracket.weight * (right - left) == at


@given(plans(), rates)
def test_a_frame_on_a_keyframe_is_that_keyframe(plan: Keyframes, rate: Fraction) -> None:
    for j, bracket in enumerate(schedule(plan, rate)):
        at = Fraction(j) / rate * plan.frame_rate
        if at in plan.frames:
            assert bracket.left == bracket.right == plan.frames.index(int(at))
            assert bracket.weight == 0


@given(plans(), rates)
def test_nothing_crosses_a_cut(plan: Keyframes, rate: Fraction) -> None:
    for j, bracket in enumerate(schedule(plan, rate)):
        left, right = plan.frames[bracket.left], plan.frames[bracket.right]
        assert not any(left < cut <= right for cut in plan.cuts)
        at = Fraction(j) / rate * plan.frame_rate
        shot = next(s for s in plan.segments() if s[0] <= at < s[1] + 1 or s[1] == plan.frame_count - 1 < at)
        assert shot[0] <= left <= right <= shot[1]


@given(plans(), rates)
def test_time_only_moves_forward(plan: Keyframes, rate: Fraction) -> None:
    where = [(b.left, b.right, b.weight) for b in schedule(plan, rate)]
    positions = [plan.frames[a] + w * (plan.frames[b] - plan.frames[a]) for a, b, w in where]
    assert positions == sorted(positions)
    assert [a for a, _, _ in where] == sorted(a for a, _, _ in where)
    assert [b for _, b, _ in where] == sorted(b for _, b, _ in where)


@given(plans(), rates)
def test_the_length_is_kept_within_one_frame(plan: Keyframes, rate: Fraction) -> None:
    count = frame_count(plan, rate)
    assert count == len(list(schedule(plan, rate))) >= 1
    if count > 1:
        assert abs(count / rate - plan.frame_count / plan.frame_rate) <= 1 / rate


def test_twelve_to_twenty_five_repeats_every_twelve_frames() -> None:
    plan = Keyframes.all_frames(120, Fraction(12))
    brackets = list(schedule(plan, Fraction(25)))
    assert len(brackets) == 250
    assert [b.weight for b in brackets[:4]] == [0, Fraction(12, 25), Fraction(24, 25), Fraction(11, 25)]
    exact = [j for j, b in enumerate(brackets) if b.weight == 0 and b.left < 119]
    assert exact == list(range(0, 248, 25))


def test_an_hour_is_scheduled_without_looking_at_every_keyframe_for_every_frame() -> None:
    class Counted(tuple[int, ...]):
        reads = 0

        def __getitem__(self, index: object) -> object:
            Counted.reads += 1
            return super().__getitem__(index)  # type: ignore[index]

        def __iter__(self) -> object:  # type: ignore[override]
            Counted.reads += len(self)
            return super().__iter__()

    plan = Keyframes(tuple(range(0, 43_200, 4)), 43_200, Fraction(12), tuple(range(400, 43_200, 400)))
    object.__setattr__(plan, "frames", Counted(plan.frames))
    for frame in range(0, 43_200, 432):
        plan.bracket(Fraction(frame) + Fraction(1, 3))
    assert Counted.reads < 100 * 100
