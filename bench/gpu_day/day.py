"""Gives out the time of a GPU day, and writes down what its parts find."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from . import results
from .measurement import Measurement
from .parts import Part
from .results import PartResult, Results

Clock = Callable[[], float]


@dataclass(frozen=True)
class Found:
    """A measurement, or facts that are no single number."""

    measurement: Measurement | None = None
    facts: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ended:
    """The part has ended; ``why`` it failed, or ``""``."""

    why: str = ""


class PartProcess(Protocol):
    """A part at work."""

    def next(self, seconds: float) -> Found | Ended | None:
        """What it finds next; ``None`` if that takes longer than ``seconds``."""

    def stop(self) -> None:
        """End it, with all that it has started. Does nothing if it has ended."""


class Starter(Protocol):
    """Starts parts."""

    def start(self, part: Part, seconds: float) -> PartProcess:
        """Let a part begin, that will be stopped after ``seconds``."""


def run(day: Results, parts: Sequence[Part], starter: Starter, path: Path, clock: Clock = time.monotonic) -> Results:
    """Run the parts one after another, and keep ``path`` up to date after every measurement.

    A part may take its share of what is left, as its ``share`` is to those of the parts behind it. What it has found
    when that is used up stays. A part that fails does not keep the next ones from being run.

    Args:
        day: with all ``parts`` waiting.
        parts: in their order.
        starter: of parts.
        path: of the results.
        clock: seconds that never go back.
    """
    end = clock() + day.budget
    results.write(path, day)
    for place, part in enumerate(parts):
        left = max(end - clock(), 0.0)
        share = left * part.share / sum(one.share for one in parts[place:])
        if not share:
            day = day.with_part(replace(day.part(part.name), state="cut", why="no time was left"))
            results.write(path, day)
            continue
        for found in _run_part(day.part(part.name), part, starter, share, clock):
            day = day.with_part(found)
            results.write(path, day)
    return day


def _run_part(known: PartResult, part: Part, starter: Starter, share: float, clock: Clock) -> Any:
    """Yield what is known of the part, after everything that it finds."""
    begun = clock()
    known = replace(known, state="running", share=share)
    yield known
    process = starter.start(part, share)
    try:
        while True:
            event = process.next(max(begun + share - clock(), 0.0))
            known = _after(event, replace(known, seconds=clock() - begun))
            yield known
            if known.state != "running":
                return
    finally:
        process.stop()


def _after(event: Found | Ended | None, known: PartResult) -> PartResult:
    if event is None:
        return replace(known, state="cut", why=f"its {known.share:.0f} s were used up")
    if isinstance(event, Ended):
        return replace(known, state="failed" if event.why else "done", why=event.why)
    if event.measurement:
        known = replace(known, measurements=(*known.measurements, event.measurement))
    return replace(known, facts={**known.facts, **(event.facts or {})})
