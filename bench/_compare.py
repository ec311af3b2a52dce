"""Timing things side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

T = TypeVar("T")


def in_turns(
    ways: Mapping[str, Callable[[], object]], rounds: int, timed: Callable[[Callable[[], object]], T]
) -> dict[str, list[T]]:
    """What each way took in every round, so that a machine that slows down is fair to all of them.

    Args:
        ways: by name.
        rounds: that count, 1 or more; one before them warms up.
        timed: runs a way and tells what it took.

    Raises:
        ValueError: ``rounds`` is below 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds: found {rounds}; allowed: 1 or more")
    taken: dict[str, list[T]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            took = timed(way)
            if turn:
                taken[name].append(took)
    return taken


def seconds_side_by_side(ways: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """The median seconds of each way, taken in turns."""
    return {name: median(taken) for name, taken in in_turns(ways, rounds, _seconds).items()}


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def result(value: float, unit: str, goal: float, command: str, *, better: str = "higher") -> dict[str, object]:
    """A measurement as ``make bench`` prints it."""
    return {"value": value, "unit": unit, "goal": goal, "better": better, "command": command}
