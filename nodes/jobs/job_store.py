"""Jobs in a file: what has been accepted outlives the process."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..strict_json import to_json
from .faults import given_up
from .job import Job, State, Trouble

MOST_CRASHES = 5
"""A job whose run has ended so often without an outcome is not tried again."""

_TABLE = """
create table if not exists jobs (
    number integer primary key autoincrement,
    id text not null unique,
    prompt text not null,
    client text not null,
    key text not null,
    created real not null,
    deadline real,
    webhook text not null,
    state text not null,
    most integer not null,
    crashes integer not null,
    started real,
    ended real,
    error text not null,
    outputs text not null,
    cost text not null,
    calls integer not null default 0,
    needs text not null default '[]',
    troubles text not null default '[]',
    run text not null default '',
    worker text not null default ''
);
create index if not exists by_state on jobs (state, client);
create index if not exists by_client on jobs (client);
create index if not exists by_end on jobs (ended);
create index if not exists by_call on jobs (calls, ended) where webhook != '';
"""
_NEWER = (
    *("needs text not null default '[]'", "troubles text not null default '[]'"),
    *("run text not null default ''", "worker text not null default ''"),
)
"""Columns that the files of earlier versions lack."""
_COLUMNS = (
    "number, id, prompt, client, key, created, deadline, webhook, state, most, crashes, started, ended, error, "
    "outputs, cost, needs, troubles, run, worker"
)
_BUT_PROMPT = _COLUMNS.replace("prompt", "'{}' prompt")
_JSON = ("prompt", "outputs", "cost", "needs", "troubles")


class Full(Exception):
    """No more jobs are taken for now; says why."""


class Taken(RuntimeError):
    """Another process works with the file."""


class JobStore:
    """The jobs of one ComfyUI. Safe to be used from several threads, and locked against other processes.

    An ended job stays as it is: who reports its end a second time is not heard.

    Args:
        path: of the file (SQLite), made if need be.

    Raises:
        Taken: another process has it open.
        sqlite3.Error: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._queued: dict[str, Job] | None = None  # jobs that wait, as far as they have been read
        self._file = sqlite3.connect(path, timeout=0.5, check_same_thread=False)
        self._file.row_factory = sqlite3.Row
        try:
            self._file.execute("pragma locking_mode = exclusive")
            self._file.execute("pragma journal_mode = wal")
            self._file.execute("pragma synchronous = full")  # an accepted job is on the disk
            self._file.executescript(_TABLE)
            self._add_columns()
        except sqlite3.OperationalError as error:
            self._file.close()
            if "locked" in str(error):
                raise Taken(f"another ComfyUI works with {path}") from error
            raise

    def _add_columns(self) -> None:
        there = {row["name"] for row in self._file.execute("pragma table_info(jobs)")}
        for column in _NEWER:
            if column.split()[0] not in there:
                self._file.execute(f"alter table jobs add column {column}")

    def close(self) -> None:
        """Let others open the file."""
        with self._lock:
            self._file.close()

    def add(self, job: Job, waiting: int, waiting_of_client: int) -> Job:
        """Accept a job.

        Args:
            waiting: jobs that may wait.
            waiting_of_client: of them, those of one client.

        Raises:
            Full: so many wait already.
        """
        with self._lock:
            added = self._added(job, waiting, waiting_of_client)
            if self._queued is not None:
                self._queued[added.id] = replace(added, prompt={})
            return added

    def _added(self, job: Job, waiting: int, waiting_of_client: int) -> Job:
        with self._transaction(gone=()) as file:
            for count, most, whose in (
                (self._count("state = 'queued'"), waiting, "all clients"),
                (self._count("state = 'queued' and client = ?", job.client), waiting_of_client, "this client"),
            ):
                if count >= most:
                    raise Full(f"{count} jobs of {whose} wait; at most {most} may")
            file.execute(
                "insert into jobs (id, prompt, client, key, created, deadline, webhook, state, most, crashes, error, "
                "outputs, cost, needs) values (?, ?, ?, ?, ?, ?, ?, 'queued', ?, 0, '', '[]', '{}', ?)",
                (
                    *(job.id, json.dumps(job.prompt), job.client, job.key, job.created, job.deadline, job.webhook),
                    *(job.most, json.dumps(job.needs)),
                ),
            )
            return self._one(job.id)

    def find(self, job_id: str) -> Job | None:
        """A job by its id."""
        with self._lock:
            row = self._file.execute(f"select {_COLUMNS} from jobs where id = ?", (job_id,)).fetchone()  # noqa: S608
        return _job(row) if row else None

    def waiting(self) -> list[Job]:
        """Jobs that wait, in the order in which they came, without their prompts."""
        with self._lock:
            if self._queued is None:
                rows = self._select("where state = 'queued' order by number", columns=_BUT_PROMPT)
                self._queued = {job.id: job for job in rows}
            return list(self._queued.values())

    def has_waiting(self) -> bool:
        """Whether any job waits."""
        with self._lock:
            return self._file.execute("select 1 from jobs where state = 'queued' limit 1").fetchone() is not None

    def count(self, state: State) -> int:
        """How many jobs are in a state."""
        with self._lock:
            return self._count("state = ?", state)

    def quarantined(self, limit: int = 20) -> list[str]:
        """Ids of the last jobs that have ended too many workers."""
        clause = "where state = 'failed' and error like 'quarantined: %' order by number desc limit ?"
        return [job.id for job in self._select(clause, limit, columns=_BUT_PROMPT)]

    def newest(self, limit: int, client: str | None = None) -> list[Job]:
        """The last jobs, the newest first, without their prompts."""
        where, values = ("where client = ?", (client,)) if client is not None else ("", ())
        return self._select(f"{where} order by number desc limit ?", *values, limit, columns=_BUT_PROMPT)

    def ahead(self, job: Job) -> int:
        """How many wait that came before a job."""
        with self._lock:
            return self._count("state = 'queued' and number < ?", job.number)

    def begin(self, job_ids: Collection[str], now: float, run: str = "", worker: str = "") -> list[Job]:
        """Jobs that wait begin to run.

        Args:
            run: its id. What another run says of them is not heard any more.
            worker: on which it is.

        Returns:
            Those that do: one that has been cancelled in the meantime does not.
        """
        with self._transaction(gone=job_ids) as file:
            for job_id in job_ids:
                file.execute(
                    "update jobs set state = 'running', started = ?, run = ?, worker = ? "
                    "where id = ? and state = 'queued'",
                    (now, run, worker, job_id),
                )
            return [job for job in map(self._one, job_ids) if job.state == "running" and job.run == run]

    def end(
        self,
        job_id: str,
        state: State,
        now: float,
        error: str = "",
        outputs: list[dict[str, Any]] | None = None,
    ) -> bool:
        """A job has ended.

        Returns:
            Whether that was news.
        """
        with self._transaction(gone=[job_id]) as file:
            changed = file.execute(
                "update jobs set state = ?, ended = ?, error = ?, outputs = ? where id = ? and state in "
                "('queued', 'running')",
                (state, now, error, to_json(outputs or []), job_id),
            ).rowcount
        return bool(changed)

    def again(self, job_id: str, now: float, *, most: int | None = None, crashed: bool = False) -> None:
        """A job that runs waits once more, in its old place.

        Args:
            most: jobs that it may share a prompt with from now on.
            crashed: its run has ended without an outcome. After the second time it runs alone and behind all that
                wait now, so that it stops no others; after ``MOST_CRASHES`` not at all.
        """
        job = self.find(job_id)
        if job is None or job.state != "running":
            return
        crashes = job.crashes + crashed
        if crashes >= MOST_CRASHES:
            self.end(job_id, "failed", now, f"its run has ended {crashes} times without an outcome")
            return
        suspect = crashed and crashes > 1
        self._queue(job, crashes=crashes, most=1 if suspect else min(job.most, most or job.most), is_last=suspect)

    def elsewhere(self, job_id: str, now: float, trouble: Trouble) -> None:
        """A job that runs waits once more, for another worker.

        If it may be why its worker has died, it runs alone from now on and behind all that wait now; so it does if it
        meets trouble once more. If it has failed too many workers it fails itself.

        Args:
            trouble: that it has met.
        """
        job = self.find(job_id)
        if job is None or job.state != "running":
            return
        troubles = [*job.troubles, trouble]
        if reason := given_up(troubles):
            self.end(job_id, "failed", now, reason)
            return
        suspect = trouble.kind == "killed"
        self._queue(job, troubles=troubles, most=1 if suspect or job.troubles else job.most, is_last=suspect)

    def _queue(
        self,
        job: Job,
        *,
        most: int,
        is_last: bool,
        crashes: int | None = None,
        troubles: Sequence[Trouble] | None = None,
    ) -> None:
        """Let a job that runs wait; what is ``None`` stays as it is."""
        told = to_json([asdict(one) for one in (job.troubles if troubles is None else troubles)])
        crashed = job.crashes if crashes is None else crashes
        with self._transaction() as file:
            place = file.execute("select max(number) + 1 from jobs").fetchone()[0] if is_last else job.number
            file.execute(
                "update jobs set state = 'queued', started = null, run = '', most = ?, crashes = ?, troubles = ?, "
                "number = ? where id = ? and state = 'running'",
                (most, crashed, told, place, job.id),
            )

    def is_running(self, job_id: str, run: str) -> bool:
        """Whether a job runs, and is a part of that run and no later one."""
        with self._lock:
            clause = "select 1 from jobs where id = ? and state = 'running' and run = ?"
            return self._file.execute(clause, (job_id, run)).fetchone() is not None

    def running(self) -> list[Job]:
        """Jobs that run; right after the file has been opened, those of a process that has died."""
        return self._select("where state = 'running' order by number")

    def charge(self, job_id: str, cost: Mapping[str, float]) -> None:
        """Add what a run has cost to what a job has."""
        job = self.find(job_id)
        if job is None:
            return
        both = {name: round(job.cost.get(name, 0.0) + value, 6) for name, value in cost.items()}
        with self._transaction() as file:
            file.execute("update jobs set cost = ? where id = ?", (to_json(both), job_id))

    def to_call(self, calls: int, before: float) -> list[str]:
        """Ids of jobs that ended before a time and whose webhooks have not been told, after fewer calls than that."""
        clause = "where webhook != '' and ended < ? and calls < ? order by ended"
        with self._lock:
            rows = self._file.execute(f"select id from jobs {clause}", (before, calls)).fetchall()  # noqa: S608
        return [row["id"] for row in rows]

    def called(self, job_id: str, calls: int) -> int:
        """A webhook has been called so often more.

        Returns:
            How often in all.
        """
        with self._transaction(gone=()) as file:
            file.execute("update jobs set calls = calls + ? where id = ?", (calls, job_id))
            row = file.execute("select calls from jobs where id = ?", (job_id,)).fetchone()
        return int(row[0]) if row else 0

    def forget(self, before: float) -> int:
        """Drop the records of jobs that ended before that time; how many."""
        with self._transaction(gone=()) as file:
            return file.execute("delete from jobs where ended < ?", (before,)).rowcount

    @contextmanager
    def _transaction(self, gone: Collection[str] | None = None) -> Iterator[sqlite3.Connection]:
        """Write all or nothing.

        Args:
            gone: ids of jobs that do not wait afterwards, if all others that wait stay as they are; a long queue is
                then not read again.
        """
        with self._lock:
            queued, self._queued = self._queued, None
            with self._file:
                yield self._file
            if queued is not None and gone is not None:
                self._queued = {job_id: job for job_id, job in queued.items() if job_id not in gone}

    def _select(self, clause: str, *values: Any, columns: str = _COLUMNS) -> list[Job]:
        with self._lock:
            rows = self._file.execute(f"select {columns} from jobs {clause}", values).fetchall()  # noqa: S608
        return [_job(row) for row in rows]

    def _one(self, job_id: str) -> Job:
        job = self.find(job_id)
        assert job is not None
        return job

    def _count(self, where: str, *values: Any) -> int:
        return int(self._file.execute(f"select count(*) from jobs where {where}", values).fetchone()[0])  # noqa: S608


def _job(row: sqlite3.Row) -> Job:
    values = {**dict(row), **{name: json.loads(row[name]) for name in _JSON}}
    values["troubles"] = [Trouble(**trouble) for trouble in values["troubles"]]
    return Job(**values)
