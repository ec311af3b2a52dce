"""What the workers of a fleet cost, day by day."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from .about import About

logger = logging.getLogger(__name__)

GONE_AFTER = 60.0
"""Seconds without a sighting, after which a worker is asked how long it has been up before the gap is paid."""

_TABLES = """
create table if not exists lives (
    number integer primary key autoincrement,
    worker text not null,
    card text not null,
    price real not null,
    began real not null,
    ready real not null,
    until real not null
);
create index if not exists life_of on lives (worker);
create index if not exists life_until on lives (until);
create table if not exists batches (
    run text primary key,
    worker text not null,
    began real not null,
    ended real,
    lost integer not null default 0,
    clips integer not null default 0
);
create index if not exists batch_ended on batches (ended);
"""


@dataclass(frozen=True)
class Spending:
    """What workers were paid for.

    Attributes:
        clips: that were delivered.
        dollars: of all seconds together.
        busy_seconds: with batches whose results came, be they clips or the errors of their nodes, or which still run.
        idle_seconds: with nothing.
        cold_seconds: from their start until they were ready.
        lost_seconds: with batches whose results never came.
    """

    clips: int = 0
    dollars: float = 0.0
    busy_seconds: float = 0.0
    idle_seconds: float = 0.0
    cold_seconds: float = 0.0
    lost_seconds: float = 0.0

    @property
    def paid_seconds(self) -> float:
        """All together."""
        return self.busy_seconds + self.idle_seconds + self.cold_seconds + self.lost_seconds

    @property
    def dollars_per_clip(self) -> float | None:
        """``None`` as long as there is no clip."""
        return self.dollars / self.clips if self.clips else None

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            self.clips + other.clips,
            self.dollars + other.dollars,
            self.busy_seconds + other.busy_seconds,
            self.idle_seconds + other.idle_seconds,
            self.cold_seconds + other.cold_seconds,
            self.lost_seconds + other.lost_seconds,
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "clips": self.clips,
            "dollars": round(self.dollars, 6),
            "dollars_per_clip": None if self.dollars_per_clip is None else round(self.dollars_per_clip, 6),
            "busy_seconds": round(self.busy_seconds, 1),
            "idle_seconds": round(self.idle_seconds, 1),
            "cold_seconds": round(self.cold_seconds, 1),
            "lost_seconds": round(self.lost_seconds, 1),
        }


@dataclass(frozen=True)
class Day:
    """What was spent on one day.

    Attributes:
        cards: by the name of the card.
    """

    cards: Mapping[str, Spending] = field(default_factory=dict)

    @property
    def total(self) -> Spending:
        """Of all cards."""
        return sum(self.cards.values(), Spending())

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.total.as_dict(), "cards": {card: spent.as_dict() for card, spent in sorted(self.cards.items())}}


@dataclass(frozen=True)
class _Life:
    number: int
    worker: str
    card: str
    price: float
    began: float
    ready: float
    until: float


@dataclass(frozen=True)
class _Batch:
    worker: str
    began: float
    ended: float | None
    lost: bool
    clips: int


class Ledger:
    """What workers cost, in a file that outlives the gateway. Safe to be used from several threads.

    A worker is paid from its start until it was last seen, and a batch counts while its worker is paid. All times are
    the gateway's own, in seconds since 1970: of a worker only durations are taken. Days are those of the gateway's
    time zone. Batches that were not ended when the file was closed count as lost. What cannot be written once the file
    is open is only said in the log.

    Args:
        path: of the file (SQLite), made if need be.

    Raises:
        sqlite3.Error: the file cannot be read or written, as when another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._file = sqlite3.connect(path, timeout=0.5, check_same_thread=False)
        self._prices: dict[str, float] = {}
        self._seen_at = float("-inf")
        try:
            self._file.execute("pragma locking_mode = exclusive")
            self._file.execute("pragma journal_mode = wal")
            self._file.execute("pragma synchronous = normal")  # a power cut may take seconds, and the file stays whole
            self._file.executescript(_TABLES)
            self._end_what_was_open()
        except sqlite3.Error:
            self._file.close()
            raise

    def close(self) -> None:
        """Let others open the file."""
        with self._lock:
            self._file.close()

    def seen(self, workers: Sequence[About], now: float) -> None:
        """These workers live, and no others; told every few seconds as long as the fleet can be reached."""
        with self._transaction():
            for about in workers:
                self._see(about, now)
            self._prices, self._seen_at = {about.worker: about.price for about in workers}, now

    def began(self, run: str, worker: str, now: float) -> None:
        """A worker has been given a batch.

        Args:
            run: the name of the attempt; one that is known already is not heard.
        """
        with self._transaction() as file:
            file.execute("insert or ignore into batches (run, worker, began) values (?, ?, ?)", (run, worker, now))

    def ended(self, run: str, now: float, *, lost: bool = False, clips: int = 0) -> None:
        """A batch has ended; not heard if that is known, or if it never began.

        Args:
            lost: by the fault of a machine, so that its results never came.
            clips: jobs that are done by it.
        """
        with self._transaction() as file:
            row = file.execute("select worker from batches where run = ? and ended is null", (run,)).fetchone()
            if row is None:
                return
            file.execute(
                "update batches set ended = ?, lost = ?, clips = ? where run = ?",
                (now, lost, 0 if lost else clips, run),
            )
            life = self._last_life(row[0])
            if life and not lost:  # it has answered just now
                self._prolong(life, now)

    def per_hour(self, now: float) -> float:
        """Dollars per hour of all workers that live; 0 where nobody has seen them of late."""
        with self._lock:
            return sum(self._prices.values()) if now - self._seen_at <= GONE_AFTER else 0.0

    def today(self, now: float) -> Day:
        """What has been spent on the day that a moment is on."""
        start, end = day_around(now)
        with self._lock:
            lives = self._lives("where until > ? and began < ? order by number", start, end)
            batches = self._batches("where (ended is null or ended >= ?) and began < ? order by began, run", start, end)
            last = {worker: self._last_life(worker) for worker in {batch.worker for batch in batches}}
        by_worker: dict[str, list[_Batch]] = defaultdict(list)
        for batch in batches:
            by_worker[batch.worker].append(batch)
        spent: dict[str, Spending] = defaultdict(Spending)
        for life in lives:
            spent[life.card] += _spent(life, by_worker[life.worker], start, end)
        for batch in batches:
            if batch.clips and batch.ended is not None and batch.ended < end:
                known = last[batch.worker]
                spent[known.card if known else ""] += Spending(clips=batch.clips)
        return Day(dict(spent))

    def forget(self, before: float) -> None:
        """Drop what had ended before that time."""
        with self._transaction() as file:
            file.execute("delete from lives where until < ?", (before,))
            file.execute("delete from batches where coalesce(ended, began) < ?", (before,))

    def _see(self, about: About, now: float) -> None:
        life = self._last_life(about.worker)
        if life and now - life.until <= GONE_AFTER:
            self._prolong(life, now)
            return
        ready = now - max(about.up_seconds, 0.0)
        began = ready - max(about.cold_seconds, 0.0)
        if life:  # what was paid then is not paid twice; if it lived all along, it goes on from there
            began = max(began, life.until)
        self._file.execute(
            "insert into lives (worker, card, price, began, ready, until) values (?, ?, ?, ?, ?, ?)",
            (about.worker, about.card, about.price, began, max(began, ready), now),
        )

    def _prolong(self, life: _Life, now: float) -> None:
        self._file.execute("update lives set until = max(until, ?) where number = ?", (now, life.number))

    def _end_what_was_open(self) -> None:
        """Nobody waits any more for the batches of the process before."""
        with self._transaction() as file:
            file.execute(
                "update batches set lost = 1, ended = coalesce("
                "(select max(until) from lives where lives.worker = batches.worker), began) where ended is null"
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._file:
                yield self._file
        except sqlite3.Error as error:  # as of a full disk: no reason for jobs to wait
            logger.warning("what workers cost is not written down: %s", error)

    def _last_life(self, worker: str) -> _Life | None:
        return next(iter(self._lives("where worker = ? order by number desc limit 1", worker)), None)

    def _lives(self, clause: str, *values: Any) -> list[_Life]:
        rows = self._file.execute(
            f"select number, worker, card, price, began, ready, until from lives {clause}",  # noqa: S608
            values,
        )
        return [_Life(*row) for row in rows]

    def _batches(self, clause: str, *values: Any) -> list[_Batch]:
        rows = self._file.execute(f"select worker, began, ended, lost, clips from batches {clause}", values)  # noqa: S608
        return [_Batch(*row) for row in rows]


def day_around(now: float) -> tuple[float, float]:
    """The midnights around a moment, in the time zone of this machine; 23 or 25 hours apart where its clocks change."""
    date = datetime.fromtimestamp(now).date()
    return _midnight(date), _midnight(date + timedelta(days=1))


def _midnight(date: Any) -> float:
    return datetime.combine(date, time.min).timestamp()


def _spent(life: _Life, batches: Sequence[_Batch], start: float, end: float) -> Spending:
    """What of a life lies on a day.

    Args:
        batches: of its worker, by their begin. A worker does one at a time: where two overlap, the first one counts.
        start, end: of the day.
    """

    def on_day(since: float, until: float) -> float:
        return max(0.0, min(until, end) - max(since, start))

    busy = lost = 0.0
    free_from = life.ready
    for batch in batches:
        since = max(batch.began, free_from)
        until = life.until if batch.ended is None else min(batch.ended, life.until)
        free_from = max(free_from, until)
        if batch.lost:
            lost += on_day(since, until)
        else:
            busy += on_day(since, until)
    paid, cold = on_day(life.began, life.until), on_day(life.began, min(life.ready, life.until))
    return Spending(
        dollars=paid * life.price / 3600,
        busy_seconds=busy,
        idle_seconds=max(0.0, paid - busy - cold - lost),
        cold_seconds=cold,
        lost_seconds=lost,
    )
