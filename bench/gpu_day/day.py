"""Gives out the time of a GPU day, and writes down what its parts find."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from . import results
from .measurement import Measurement
from .parts import Part
from .results import PartResult, Results

Clock = Callable[[], float]


@dataclass(frozen=True)
class Found:
    """A measurement, or facts that are no single number. Facts replace earlier ones of the same names."""

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
        """Let a part begin, that will be stopped after ``seconds``.

        Raises:
            OSError: it cannot be started.
        """


def run(day: Results, parts: Sequence[Part], starter: Starter, path: Path, clock: Clock = time.monotonic) -> Results:
    """Run parts one after another, and keep ``path`` up to date after everything that they find.

    A part gets of what is left as much as its ``share`` is of those of the parts that are left. When that is used up
    it is stopped; what it has found stays. A part that fails does not keep the next ones from being run, nor does a
    file that cannot be written now keep a later one from being written.

    Args:
        day: what is known; ``parts`` are among its own.
        parts: to be run, in their order.
        starter: of parts.
        path: of the results.
        clock: seconds that never go back.

    Returns:
        The day with all that was found.

    Raises:
        OSError: the file could not be written at the end either.
    """
    end = clock() + day.budget
    _keep(path, day)
    for place, part in enumerate(parts):
        left = max(end - clock(), 0.0)
        share = left * part.share / sum(one.share for one in parts[place:])
        for known in _run_part(day.part(part.name), part, starter, share, clock):
            day = day.with_part(known)
            _keep(path, day)
    results.write(path, day)
    return day


def _keep(path: Path, day: Results) -> None:
    try:
        results.write(path, day)
    except OSError as error:
        print(f"{path}: {error}", file=sys.stderr)


def _run_part(known: PartResult, part: Part, starter: Starter, share: float, clock: Clock) -> Iterator[PartResult]:
    """What is known of the part, after everything that it finds."""
    if not share:
        yield replace(known, state="cut", why="no time was left")
        return
    begun = clock()
    known = replace(known, state="running", date=date.today().isoformat(), share=share)
    yield known
    try:
        process = starter.start(part, share)
    except OSError as error:
        yield replace(known, state="failed", why=f"it could not be started: {error}")
        return
    try:
        while known.state == "running":
            left = max(begun + share - clock(), 0.0)
            known = _after(process.next(left), replace(known, seconds=clock() - begun), is_last=not left)
            yield known
    finally:
        process.stop()


def _after(event: Found | Ended | None, known: PartResult, is_last: bool) -> PartResult:
    """What is known after an event.

    Args:
        event: ``None`` if there was none in time.
        known: before it.
        is_last: no time is left for another one.
    """
    if isinstance(event, Ended):
        return replace(known, state="failed" if event.why else "done", why=event.why)
    if event and event.measurement:
        known = replace(known, measurements=(*known.measurements, event.measurement))
    if event and event.facts:
        known = replace(known, facts=known.facts | event.facts)
    if event is None or is_last:
        return replace(known, state="cut", why=f"its {known.share:.0f} s were used up")
    return known
