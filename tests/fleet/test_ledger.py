"""What workers cost: every second of a worker is there once, under one name."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.fleet.about import About
from frugal_motion.nodes.fleet.ledger import GONE_AFTER, Day, Ledger, Spending, day_around

MIDNIGHT = datetime(2026, 5, 5).timestamp()
NOON = MIDNIGHT + 12 * 3600


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "fleet.sqlite")) as ledger:
        yield ledger


def worker(name: str = "a", up: float = 0.0, cold: float = 0.0, price: float = 3.6, card: str = "L4") -> About:
    return About(name, card=card, price=price, up_seconds=up, cold_seconds=cold)


def seconds(spent: Spending) -> tuple[float, float, float, float]:
    return spent.busy_seconds, spent.idle_seconds, spent.cold_seconds, spent.lost_seconds


def test_a_worker_is_paid_from_its_start_until_it_was_last_seen(ledger: Ledger) -> None:
    ledger.seen([worker(up=5, cold=20)], NOON)
    ledger.seen([worker(up=15, cold=20)], NOON + 10)
    ledger.began("1", "a", NOON + 10)
    ledger.ended("1", NOON + 40, clips=3)
    ledger.seen([worker(up=50, cold=20)], NOON + 45)
    ledger.seen([], NOON + 1000)
    spent = ledger.today(NOON).total
    assert seconds(spent) == (30, 20, 20, 0)
    assert (spent.clips, spent.dollars) == (3, pytest.approx(0.07))
    assert spent.dollars_per_clip == pytest.approx(0.07 / 3)


def test_a_batch_that_runs_is_work_and_one_that_a_machine_took_along_is_lost(ledger: Ledger) -> None:
    ledger.seen([worker()], NOON)
    ledger.began("1", "a", NOON)
    ledger.seen([worker(up=30)], NOON + 30)
    assert seconds(ledger.today(NOON).total) == (30, 0, 0, 0)
    ledger.ended("1", NOON + 90, lost=True, clips=8)  # noticed a minute after it was gone
    assert ledger.today(NOON).total == Spending(dollars=pytest.approx(0.03), lost_seconds=30)


def test_dollars_per_hour_are_of_those_who_live(ledger: Ledger) -> None:
    assert ledger.per_hour(NOON) == 0
    ledger.seen([worker("a", price=0.5), worker("b", price=0.25)], NOON)
    assert ledger.per_hour(NOON + GONE_AFTER) == 0.75
    assert ledger.per_hour(NOON + GONE_AFTER + 1) == 0, "nobody knows"
    ledger.seen([worker("b", price=0.25)], NOON + 5)
    assert ledger.per_hour(NOON + 5) == 0.25


def test_a_gateway_that_was_away_pays_for_what_lived_all_along(tmp_path: Path) -> None:
    for now, up in ((NOON, 0), (NOON + 3600, 3600)):
        with closing(Ledger(tmp_path / "fleet.sqlite")) as ledger:
            ledger.seen([worker(up=up, cold=10)], now)
            spent = ledger.today(NOON).total
    assert seconds(spent) == (0, 3600, 10, 0)


def test_and_not_for_one_of_the_same_name_that_began_meanwhile(ledger: Ledger) -> None:
    ledger.seen([worker(up=100)], NOON)
    ledger.seen([worker(up=50, cold=7)], NOON + 3600)
    assert seconds(ledger.today(NOON).total) == (0, 150, 7, 0)


def test_no_start_reaches_back_into_what_was_paid(ledger: Ledger) -> None:
    ledger.seen([worker(up=100)], NOON)
    ledger.seen([worker(up=10, cold=9999)], NOON + 3600)
    assert seconds(ledger.today(NOON).total) == (0, 110, 3590, 0)


def test_how_long_a_worker_is_up_matters_at_the_first_look_alone(ledger: Ledger) -> None:
    for at in range(0, 300, 50):
        ledger.seen([worker(up=0, cold=30)], NOON + at)  # as it said when it was ready
    assert seconds(ledger.today(NOON).total) == (0, 250, 30, 0)


def test_a_clock_that_is_set_back_takes_nothing_away(ledger: Ledger) -> None:
    ledger.seen([worker(up=100)], NOON)
    ledger.began("1", "a", NOON - 10)
    ledger.seen([worker(up=105)], NOON - 20)
    ledger.ended("1", NOON - 30, clips=1)
    assert seconds(ledger.today(NOON).total) == (0, 100, 0, 0)


def test_what_is_told_again_later_is_known(ledger: Ledger) -> None:
    ledger.seen([worker(up=100)], NOON)
    for late in (0, 20):
        ledger.began("1", "a", NOON - 90 + late)
    for late in (0, 20):
        ledger.ended("1", NOON - 30 + late, clips=1)
    spent = ledger.today(NOON).total
    assert (seconds(spent), spent.clips) == ((60, 40, 0, 0), 1)


def test_what_was_running_when_the_gateway_died_is_lost_up_to_the_last_sighting(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "fleet.sqlite")) as ledger:
        ledger.seen([worker()], NOON)
        ledger.began("1", "a", NOON + 10)
        ledger.seen([worker(up=50)], NOON + 50)
    with closing(Ledger(tmp_path / "fleet.sqlite")) as ledger:
        ledger.seen([worker(up=80)], NOON + 80)
        ledger.ended("1", NOON + 80, clips=1)  # nobody can tell that any more
        assert seconds(ledger.today(NOON).total) == (0, 40, 0, 40)
        assert ledger.today(NOON).total.clips == 0


def test_cards_apart(ledger: Ledger) -> None:
    ledger.seen([worker("a", up=10, card="L4", price=3.6), worker("b", up=20, card="H100", price=36)], NOON)
    ledger.began("1", "b", NOON)
    ledger.ended("1", NOON + 10, clips=2)
    day = ledger.today(NOON)
    assert day.cards["L4"] == Spending(dollars=pytest.approx(0.01), idle_seconds=10)
    assert day.cards["H100"] == Spending(2, pytest.approx(0.3), busy_seconds=10, idle_seconds=20)
    assert day.total == day.cards["L4"] + day.cards["H100"]
    shown = day.as_dict()
    assert shown["cards"]["L4"]["dollars_per_clip"] is None and shown["dollars_per_clip"] == 0.155


def test_clips_of_a_worker_that_was_never_seen_are_clips(ledger: Ledger) -> None:
    ledger.began("1", "x", NOON)
    ledger.ended("1", NOON + 10, clips=2)
    assert ledger.today(NOON) == Day({"": Spending(clips=2)})
    ledger.seen([worker("x", up=30)], NOON + 15)
    assert seconds(ledger.today(NOON).cards["L4"]) == (10, 20, 0, 0), "it was quicker than the first look"


def test_midnight_splits(ledger: Ledger) -> None:
    ledger.seen([worker(up=50, cold=50)], MIDNIGHT - 50)
    ledger.began("1", "a", MIDNIGHT - 20)
    ledger.ended("1", MIDNIGHT + 30, clips=1)
    ledger.seen([worker(up=140, cold=50)], MIDNIGHT + 40)
    before, after = ledger.today(MIDNIGHT - 1).total, ledger.today(MIDNIGHT).total
    assert (seconds(before), before.clips) == ((20, 80, 50, 0), 0)
    assert (seconds(after), after.clips) == ((30, 10, 0, 0), 1)


def test_days_are_as_long_as_they_are(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "tzset"):
        pytest.skip("this system has one time zone for all processes")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        start, end = day_around(datetime(2026, 10, 25, 12).timestamp())
        ledger.seen([worker(up=80 * 3600)], end + 3600)
        assert end - start == 25 * 3600
        assert ledger.today(start).total.idle_seconds == 25 * 3600
        assert ledger.today(end).total.idle_seconds == 3600
    time.tzset()


def test_old_days_are_forgotten_and_what_still_lives_is_not(ledger: Ledger) -> None:
    ledger.seen([worker("old"), worker("new")], NOON)
    ledger.began("1", "old", NOON - 10)
    ledger.ended("1", NOON, clips=1)
    ledger.seen([worker("new", up=3600)], NOON + 3600)
    ledger.forget(NOON + 1)
    assert ledger.today(NOON) == Day({"L4": Spending(dollars=pytest.approx(3.6), idle_seconds=3600)})


MOMENTS = st.integers(0, 400)  # seconds


@dataclass(frozen=True)
class Life:
    """What a worker did, to the second."""

    began: int
    ready: int
    over: int

    def about(self, name: str, at: int, drift: float) -> About:
        return worker(name, (at - self.ready) * drift, self.ready - self.began)


@dataclass(frozen=True)
class Batch:
    worker: str
    began: int
    over: int
    lost: bool
    clips: int
    reports: int
    """How often it is told."""


@st.composite
def fleets(draw: st.DrawFn) -> tuple[dict[str, Life], list[Batch]]:
    lives = {name: Life(*sorted(draw(st.tuples(MOMENTS, MOMENTS, MOMENTS)))) for name in draw(st.sets(NAMES))}
    batches = []
    for name in draw(st.lists(st.sampled_from(sorted(lives)), max_size=6)) if lives else []:
        during = st.integers(lives[name].ready, lives[name].over)
        began, over = sorted((draw(during), draw(during)))
        batches.append(Batch(name, began, over, draw(st.booleans()), draw(st.integers(0, 3)), draw(st.integers(1, 3))))
    return lives, batches


NAMES = st.sampled_from("abc")


def labels(
    lives: dict[str, Life], batches: list[Batch], looks: set[int], restarts: set[int]
) -> Counter[tuple[int, str]]:
    """What each second was paid for, by going through them one by one."""
    counted: Counter[tuple[int, str]] = Counter()
    for name, life in lives.items():
        heard = {at for at in looks if life.ready <= at <= life.over}
        if not heard:
            continue
        own = sorted((batch for batch in batches if batch.worker == name), key=lambda batch: batch.began)
        heard |= {batch.over for batch in own if batch.over > min(heard) and is_delivered(batch, restarts)}
        for second in range(life.began, max(heard)):
            at_work = [batch for batch in own if batch.began <= second < told_until(batch, heard, restarts)]
            kind = "cold" if second < life.ready else "idle"
            if at_work:
                kind = "busy" if is_delivered(at_work[0], restarts) else "lost"
            counted[second, kind] += 1
    return counted


def orphaned(batch: Batch, restarts: set[int]) -> list[int]:
    """When the gateway died that waited for a batch."""
    return sorted(at for at in restarts if batch.began < at <= batch.over)


def is_delivered(batch: Batch, restarts: set[int]) -> bool:
    return not batch.lost and not orphaned(batch, restarts)


def told_until(batch: Batch, heard: set[int], restarts: set[int]) -> int:
    """Its end, or the last that its gateway heard of its worker."""
    died = orphaned(batch, restarts)
    return max((at for at in heard if at < died[0]), default=0) if died else batch.over


def told(
    path: Path, lives: dict[str, Life], batches: list[Batch], looks: set[int], restarts: set[int], **clocks: float
) -> Ledger:
    """A ledger that was told of all that, in order."""
    ledger, start, drift = Ledger(path), clocks["start"], clocks["drift"]
    for at in range(401):
        now = start + at
        if at in restarts:
            ledger.close()
            ledger = Ledger(path)
        if at in looks:
            ledger.seen(
                [life.about(name, at, drift) for name, life in lives.items() if life.ready <= at <= life.over], now
            )
        for number, batch in enumerate(batches):
            if batch.began == at:
                for _ in range(batch.reports):
                    ledger.began(str(number), batch.worker, now)
        for number, batch in enumerate(batches):
            if batch.over == at:
                for _ in range(batch.reports):
                    ledger.ended(str(number), now, lost=batch.lost, clips=batch.clips)
    return ledger


@given(fleets(), st.sets(MOMENTS), st.sets(MOMENTS, max_size=3), MOMENTS, st.sampled_from([1, 1.001, 0.999]))
def test_every_second_is_counted_once(
    fleet: tuple[dict[str, Life], list[Batch]], looks: set[int], restarts: set[int], midnight: int, drift: float
) -> None:
    """Whenever the gateway looks and dies, and however fast the clocks of the workers go."""
    lives, batches = fleet
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.sqlite"
        with closing(told(path, lives, batches, looks, restarts, start=MIDNIGHT - midnight, drift=drift)) as ledger:
            days = [ledger.today(MIDNIGHT - 1).total, ledger.today(MIDNIGHT).total]
    expected = labels(lives, batches, looks, restarts)
    for day, is_after in zip(days, (False, True), strict=True):
        kinds: Counter[str] = Counter()
        for (second, kind), count in expected.items():
            kinds[kind] += count * ((second >= midnight) == is_after)
        wanted = tuple(kinds[kind] for kind in ("busy", "idle", "cold", "lost"))
        assert seconds(day) == pytest.approx(wanted, abs=1e-3 if drift == 1 else 1.5)
        assert day.dollars == pytest.approx(day.paid_seconds / 1000)
    done = sum(batch.clips for batch in batches if is_delivered(batch, restarts))
    assert sum(day.clips for day in days) == done


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["seen", "began", "ended", "restart", "forget"]),
        NAMES,
        st.integers(0, 4),
        MOMENTS,
        MOMENTS,
        st.booleans(),
    ),
    max_size=20,
)


@given(EVENTS)
def test_whatever_is_told_in_whatever_order_nothing_is_negative_or_twice(events: list[tuple]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.sqlite"
        ledger = Ledger(path)
        for kind, name, number, at, length, lost in events:
            if kind == "seen":
                ledger.seen([worker(name, length - 50, number)] * 2, NOON + at)
            elif kind == "began":
                ledger.began(str(number), name, NOON + at)
            elif kind == "ended":
                ledger.ended(str(number), NOON + at, lost=lost, clips=1)
            elif kind == "restart":
                ledger.close()
                ledger = Ledger(path)
            else:
                ledger.forget(NOON - 1000)
        day = ledger.today(NOON).total
        ledger.close()
    assert min(seconds(day)) >= 0 and 0 <= day.clips <= 5
    assert day.paid_seconds <= 3 * (400 + 400 + 4), "three workers, none of which can have lived longer"
    assert day.dollars == pytest.approx(day.paid_seconds / 1000)
