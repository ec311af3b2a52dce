"""When what is held is let go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.economy.idle_timer import IdleDelays, IdleTimer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def at(timer: IdleTimer, clock: Clock, now: float, delays: IdleDelays, busy: bool = False, work: int = 0) -> str | None:
    clock.now = now
    timer.observe(busy, work)
    return timer.due(delays)


def test_every_action_comes_once_and_in_its_time() -> None:
    clock = Clock()
    timer, delays = IdleTimer(clock), IdleDelays(unload=10, free=20, exit=30)
    assert [at(timer, clock, now, delays) for now in (9, 10, 11, 19, 20, 21, 30, 31)] == [
        None, "unload", None, None, "free", None, "exit", None,
    ]  # fmt: skip


def test_work_begins_the_wait_again() -> None:
    clock, delays = Clock(), IdleDelays(unload=10)
    timer = IdleTimer(clock)
    assert at(timer, clock, 9, delays, busy=True, work=1) is None
    assert at(timer, clock, 100, delays, busy=True, work=1) is None
    assert at(timer, clock, 101, delays, work=1) is None
    assert timer.left(delays) == 10
    assert at(timer, clock, 110.9, delays, work=1) is None
    assert at(timer, clock, 111, delays, work=1) == "unload"
    assert timer.left(delays) is None


def test_a_prompt_between_two_looks_counts() -> None:
    clock, delays = Clock(), IdleDelays(unload=10)
    timer = IdleTimer(clock)
    assert at(timer, clock, 10, delays, work=1) is None
    assert at(timer, clock, 20, delays, work=1) == "unload"


def test_what_is_off_never_comes() -> None:
    clock = Clock()
    timer = IdleTimer(clock)
    assert at(timer, clock, 1e9, IdleDelays(unload=0)) is None
    assert timer.left(IdleDelays(unload=0)) is None


def test_a_stronger_action_includes_the_weaker() -> None:
    clock, delays = Clock(), IdleDelays(unload=10, free=5)
    timer = IdleTimer(clock)
    assert timer.left(delays) == 5
    assert at(timer, clock, 10, delays) == "free"
    assert at(timer, clock, 11, delays) is None


def test_delays_may_change_while_waiting() -> None:
    clock = Clock()
    timer = IdleTimer(clock)
    assert at(timer, clock, 50, IdleDelays(unload=100)) is None
    assert at(timer, clock, 51, IdleDelays(unload=40)) == "unload"
    assert at(timer, clock, 100, IdleDelays(unload=100)) is None


@given(st.lists(st.floats(-100, 100), max_size=20))
def test_a_clock_that_goes_back_unloads_nothing_early(jumps: list[float]) -> None:
    clock, delays = Clock(), IdleDelays(unload=1000)
    timer = IdleTimer(clock)
    for jump in jumps:
        due = at(timer, clock, clock.now + jump, delays)
        assert due is None or clock.now >= 1000
        assert timer.seconds >= 0
