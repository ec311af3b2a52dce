"""Timing things side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def seconds_side_by_side(ways: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """The median seconds of each way, taken in turns, after one round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:
                taken[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in taken.items()}


def result(value: float, unit: str, goal: float, command: str, *, better: str = "higher") -> dict[str, object]:
    """A measurement as ``make bench`` prints it."""
    return {"value": value, "unit": unit, "goal": goal, "better": better, "command": command}
