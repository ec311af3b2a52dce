"""Time, order and interruptions of a GPU day, on a fake card with a clock of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.bench.gpu_day import day, results
from frugal_motion.bench.gpu_day.day import Ended, Found
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.parts import PARTS, Part
from frugal_motion.bench.gpu_day.results import Results

from ..conftest import ROOT

Event = tuple[float, "Found | Ended | BaseException"]
"""What a part finds, and seconds that it takes until then."""


def figure(name: str = "a") -> Found:
    return Found(Measurement(name, 1.0, "s"))


@dataclass
class Card:
    """A card on which parts find what a script says, and nothing happens but by it.

    Attributes:
        script: by the names of parts; one that has no more events hangs.
        now: seconds.
        stop_takes: seconds.
        given: seconds that parts were started with, in their order.
        at_work: names of parts that have begun and were not stopped.
    """

    script: dict[str, list[Event]]
    now: float = 1000.0
    stop_takes: float = 0.0
    given: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    at_work: list[str] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def start(self, part: Part, seconds: float) -> FakePart:
        assert not self.at_work, "one at a time"
        self.at_work.append(part.name)
        self.given[part.name] = seconds
        return FakePart(self, part.name, iter(self.script.get(part.name, [])), self.now)


@dataclass
class FakePart:
    card: Card
    name: str
    events: Iterator[Event]
    begun: float
    coming: Event | None = None

    def next(self, seconds: float) -> Found | Ended | None:
        assert seconds >= 0
        wait, event = self.coming or next(self.events, (float("inf"), Ended()))
        if wait > seconds:
            self.coming = wait - seconds, event
            self.card.now += seconds
            return None
        self.coming = None
        self.card.now += wait
        if isinstance(event, BaseException):
            raise event
        return event

    def stop(self) -> None:
        self.card.at_work.remove(self.name)
        self.card.now += self.card.stop_takes
        self.card.took[self.name] = self.card.now - self.begun


def test_what_runs_the_day_needs_the_standard_library_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / "bench" / "gpu.py"), "--help"], check=True, capture_output=True
    )
    assert b"--rehearse" in done.stdout


def three(*shares: float) -> list[Part]:
    return [Part(f"part {place}", f"Part {place}", share) for place, share in enumerate(shares or (0.5, 0.3, 0.2))]


def ran(card: Card, path: Path, parts: Any = None, seconds: float = 100.0) -> Results:
    parts = parts or three()
    before = results.before(parts, {"card": "fake"}, False, seconds)
    found = day.run(before, parts, card, path / "card.json", card.clock)
    assert results.read(path / "card.json") == found
    assert card.at_work == []
    return found


def states(found: Results) -> list[str]:
    return [part.state for part in found.parts]


def test_what_parts_find_is_kept_in_order(tmp_path: Path) -> None:
    card = Card({
        "part 0": [(1, figure("a")), (2, Found(facts={"x": 1, "y": 1})), (0, figure("b")), (1, Ended())],
        "part 1": [(1, Found(facts={"x": 1})), (1, Found(facts={"x": 2})), (1, Ended("it broke"))],
        "part 2": [(0, Ended())],
    })  # fmt: skip
    first, second, third = ran(card, tmp_path).parts
    assert [one.name for one in first.measurements] == ["a", "b"] and first.facts == {"x": 1, "y": 1}
    assert (first.state, first.seconds, second.state, second.why) == ("done", 4, "failed", "it broke")
    assert second.facts == {"x": 2} and third.state == "done"
    assert len(first.date) == 10


def test_time_that_a_part_leaves_goes_to_those_behind_it(tmp_path: Path) -> None:
    card = Card({"part 0": [(10, Ended())], "part 1": [(1, figure())], "part 2": [(4, Ended())]})
    found = ran(card, tmp_path)
    assert card.given == pytest.approx({"part 0": 50, "part 1": 90 * 0.3 / 0.5, "part 2": 90 * 0.2 / 0.5})
    assert [part.share for part in found.parts] == list(card.given.values())
    assert states(found) == ["done", "cut", "done"]
    assert found.parts[1].measurements and found.parts[1].why == "its 54 s were used up"


def test_a_part_that_hangs_is_cut_and_the_next_ones_have_their_time(tmp_path: Path) -> None:
    card = Card({"part 0": [(3, figure())], "part 1": [(3, Ended())], "part 2": [(3, Ended())]})
    found = ran(card, tmp_path)
    assert states(found) == ["cut", "done", "done"] and len(found.parts[0].measurements) == 1
    assert card.took == pytest.approx({"part 0": 50, "part 1": 3, "part 2": 3})


def test_a_part_that_never_stops_finding_is_cut_too(tmp_path: Path) -> None:
    card = Card({"part 0": [(0.5, figure(str(place))) for place in range(10_000)]})
    found = ran(card, tmp_path, three(1.0), 10)
    assert states(found) == ["cut"] and card.now == 1010

    class Flood(FakePart):
        def next(self, seconds: float) -> Found:
            self.card.now += 0.5  # whatever it was told
            assert self.card.now < 1020, "it is not cut"
            return figure(str(next(numbers)))

    numbers = count()
    card = Card({})
    card.start = lambda part, seconds: card.at_work.append(part.name) or Flood(card, part.name, iter(()), card.now)
    assert states(ran(card, tmp_path, three(1.0), 10)) == ["cut"] and card.now <= 1010.5


def test_a_part_without_time_is_not_started(tmp_path: Path) -> None:
    card = Card({"part 0": [(49, figure())]}, stop_takes=60)
    found = ran(card, tmp_path)
    assert states(found) == ["cut", "cut", "cut"] and list(card.given) == ["part 0"]
    assert found.parts[1].why == "no time was left" and found.parts[1].date == ""


def test_a_part_that_cannot_be_started_does_not_stop_the_others(tmp_path: Path) -> None:
    card = Card({"part 1": [(1, Ended())], "part 2": [(1, Ended())]})
    start = card.start

    def failing(part: Part, seconds: float) -> FakePart:
        if part.name == "part 0":
            raise OSError("no more processes")
        return start(part, seconds)

    card.start = failing
    found = ran(card, tmp_path)
    assert states(found) == ["failed", "done", "done"] and "no more processes" in found.parts[0].why


events = st.lists(st.tuples(st.floats(0, 40), st.sampled_from([figure(), Found(facts={"x": 1})])), max_size=5)
ends = st.lists(st.tuples(st.floats(0, 40), st.sampled_from([Ended(), Ended("it broke")])), max_size=1)


@given(st.lists(st.tuples(st.floats(0.01, 1), events, ends), min_size=1, max_size=5), st.floats(1, 100))
def test_no_part_takes_more_than_its_share_nor_the_day_more_than_its_budget(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[float, list[Event], list[Event]]], seconds: float
) -> None:
    parts = three(*(share for share, _, _ in plan))
    card = Card({part.name: [*found, *end] for part, (_, found, end) in zip(parts, plan, strict=True)})
    found = ran(card, tmp_path_factory.mktemp("day"), parts, seconds)
    left = seconds
    for place, part in enumerate(parts):
        assert found.parts[place].share == pytest.approx(left * part.share / sum(one.share for one in parts[place:]))
        assert card.took.get(part.name, 0) <= found.parts[place].share + 1e-6
        left -= card.took.get(part.name, 0)
    assert card.now - 1000 <= seconds + 1e-6
    assert set(states(found)) <= {"done", "failed", "cut"}


def test_the_real_parts_come_in_their_order_and_use_all_the_time(tmp_path: Path) -> None:
    card = Card({})
    found = ran(card, tmp_path, PARTS, 420.0)
    assert " ".join(part.name for part in found.parts) == (
        "precision micro_batches ten_seconds finishing video_model working_ahead idle_unload speeds"
    )
    assert list(card.given) == [part.name for part in PARTS]
    assert card.given == pytest.approx({part.name: 420 * part.share for part in PARTS})
    assert card.now == pytest.approx(1420) and sum(part.share for part in PARTS) == pytest.approx(1)


SCRIPT: dict[str, list[Event]] = {
    "part 0": [(1, figure("a")), (1, Found(facts={"x": 1})), (1, figure("b")), (1, Ended())],
    "part 1": [(1, figure("c")), (1, Ended("it broke"))],
    "part 2": [(1, figure("d")), (600, figure("e"))],
}
WRITES = 13
"""Of the file in a day of ``SCRIPT``: before it, when a part begins, after each event (a cut is one), at its end."""


def found_so_far(path: Path) -> list[str]:
    """Names of all that the file has; it must be valid."""
    return [one.name for part in results.read(path).parts for one in part.measurements]


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[Path, Results], None]], list[list[str]]]:
    """Let something else happen instead of a write, counted from 0; gives what was known at each write."""

    def fail(at: int, instead: Callable[[Path, Results], None]) -> list[list[str]]:
        write, known = results.write, []

        def counted(path: Path, found: Results) -> None:
            known.append([one.name for part in found.parts for one in part.measurements])
            (instead if len(known) == at + 1 else write)(path, found)

        monkeypatch.setattr(results, "write", counted)
        return known

    return fail


def interrupted(path: Path, found: Results) -> None:
    raise KeyboardInterrupt


def test_a_day_of_the_script_writes_as_often_as_is_said(writes: Any, tmp_path: Path) -> None:
    known = writes(-1, interrupted)
    assert states(ran(Card(SCRIPT), tmp_path)) == ["done", "failed", "cut"]
    assert len(known) == WRITES and known[-1] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("at", range(1, WRITES))
def test_an_interruption_leaves_what_was_found_before(at: int, writes: Any, tmp_path: Path) -> None:
    known, card = writes(at, interrupted), Card(SCRIPT)
    with pytest.raises(KeyboardInterrupt):
        ran(card, tmp_path)
    assert card.at_work == [], "no part is left behind"
    assert found_so_far(tmp_path / "card.json") == known[at - 1]


MOMENTS = [(name, at) for name, events in SCRIPT.items() for at in range(len(events))]


@pytest.mark.parametrize(("part", "at"), MOMENTS)
def test_an_interruption_while_a_part_works_leaves_all_that_was_found(part: str, at: int, tmp_path: Path) -> None:
    script = {name: list(events) for name, events in SCRIPT.items()}
    script[part][at:] = [(0.5, KeyboardInterrupt())]
    card = Card(script)
    with pytest.raises(KeyboardInterrupt):
        ran(card, tmp_path)
    before = [event for name in SCRIPT for _, event in script[name] if name <= part]
    expected = [one.measurement.name for one in before if isinstance(one, Found) and one.measurement]
    assert found_so_far(tmp_path / "card.json") == expected and card.at_work == []


@pytest.mark.parametrize("at", range(WRITES - 1))
def test_a_disk_that_is_full_for_a_while_loses_nothing(at: int, writes: Any, tmp_path: Path) -> None:
    def full(path: Path, found: Results) -> None:
        raise OSError(28, "No space left on device")

    writes(at, full)
    assert states(ran(Card(SCRIPT), tmp_path)) == ["done", "failed", "cut"]
    assert found_so_far(tmp_path / "card.json") == ["a", "b", "c", "d"]


def test_a_disk_that_stays_full_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(path: Path, found: Results) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "write", full)
    card = Card(SCRIPT)
    with pytest.raises(OSError, match="No space"):
        ran(card, tmp_path)
    assert list(card.given) == list(SCRIPT), "all parts were run"


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("at", range(1, WRITES))
def test_an_end_between_writing_aside_and_renaming_leaves_the_file_before(
    at: int, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done, calls = getattr(os, where), count()

    def dies(*given: Any) -> None:
        if next(calls) == at:
            raise SystemExit
        done(*given)

    monkeypatch.setattr(os, where, dies)
    with pytest.raises(SystemExit):
        ran(Card(SCRIPT), tmp_path)
    monkeypatch.undo()
    kept = found_so_far(tmp_path / "card.json")
    assert kept == ["a", "b", "c", "d"][: len(kept)]
    (aside,) = tmp_path.glob(".*.part")
    assert len(found_so_far(aside)) - len(kept) <= 1, "but for what was found last"
    assert states(ran(Card(SCRIPT), tmp_path)) == ["done", "failed", "cut"], "what lies aside is in nobody's way"
