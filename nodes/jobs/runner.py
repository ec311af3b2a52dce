"""Takes jobs from the store to those who do the work and back, in batches."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..metering.meter import Clock
from .batch import Batch
from .faults import worker_fault
from .gather import Gathering, choose, fitting, ripe_batches
from .job import ENDED, Job, Trouble
from .job_store import JobStore
from .kinds import Kinds
from .merge import merged
from .outcome import Again, Done, Elsewhere, Ended, Failed, Verdict, costs, is_complete, outputs_of, verdicts
from .workers import Worker, WorkerLost, Workers

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_EVERY = 1.0  # seconds, for deadlines; new jobs are noticed at once
_PAUSE = 5.0  # seconds, before what could not be kept is made again
_TELL_EVERY = 0.5  # seconds, of jobs that go on
_RUNS_KNOWN = 64  # what they have cost is known a moment after their end, if at all
_TURNS_KNOWN = 10_000


@dataclass
class _Live:
    """A batch that runs, where it does, and when its jobs were last told of."""

    batch: Batch
    worker: Worker
    told: float = 0.0


class Runner:
    """Gathers, merges and runs jobs until it is stopped.

    A *lane* waits for a free worker and runs one batch on it. There is one for every batch that is ripe: until a worker
    is free, jobs may still join.

    Args:
        store: where jobs lie.
        workers: what runs them.
        kinds: of classes of nodes.
        gathering: asked at every look, so that a change of the settings holds at once.
        changed: told of every job that begins, proceeds, ends or waits again.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        store: JobStore,
        workers: Workers,
        kinds: Kinds,
        gathering: Callable[[], Gathering],
        changed: Callable[[Job], None] = lambda _: None,
        clock: Clock = time.time,
    ) -> None:
        self._store, self._workers, self._kinds = store, workers, kinds
        self._gathering, self._changed, self._clock = gathering, changed, clock
        self._news = asyncio.Event()
        self._turns: dict[str, float] = {}
        self._runs: dict[str, Batch] = {}
        self._live: dict[str, _Live] = {}
        self._lanes: set[asyncio.Task[None]] = set()
        self._waiting_lanes: set[asyncio.Task[None]] = set()
        self._taken_back: Batch | None = None

    def recover(self) -> None:
        """Jobs that run as far as the store knows, while nothing does, wait once more."""
        for job in self._store.running():
            self._store.again(job.id, self._clock(), crashed=not self._workers.outlive_us)
            self._tell(job.id)

    def notice(self) -> None:
        """There is a new job."""
        self._news.set()

    def progress(self, job: Job) -> dict[str, Any] | None:
        """How far a job is that runs."""
        live = self._live.get(job.run)
        places = [place for place, other in enumerate(live.batch.jobs) if other.id == job.id] if live else []
        return live.batch.progress(places[0]) if live and places else None

    def jobs_on(self) -> dict[str, int]:
        """By the names of workers that have work, how many jobs they run that have not ended."""
        return {
            live.worker.name: sum(self._store.is_running(job.id, run) for job in live.batch.jobs)
            for run, live in list(self._live.items())
        }

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that has not ended.

        One that shares a prompt, which has begun, is worked on with the others; what comes out is dropped.

        Returns:
            Whether there was anything to cancel.
        """
        job = self._store.find(job_id)
        if job is None or not self._store.end(job_id, "cancelled", self._clock()):
            return False
        self._tell(job_id)
        live = self._live.get(job.run)
        if live and not live.batch.withdrawn:
            states = [self._store.find(job.id) for job in live.batch.jobs]
            nobody = all(job is None or job.state in ENDED for job in states)
            live.batch.withdrawn = live.worker.withdraw(live.batch, even_if_running=nobody)
        return True

    def charge(self, run: str, stages: Sequence[tuple[str, Mapping[str, Any]]], price: float) -> None:
        """Share out what a run has cost."""
        batch = self._runs.pop(run, None)
        if batch is None:
            return
        for job, cost in zip(batch.jobs, costs(batch.merged, stages, price), strict=True):
            self._store.charge(job.id, cost)

    async def run(self) -> None:
        """Work until cancelled, or until the store cannot be written."""
        self.recover()
        try:
            while True:
                self._news.clear()
                wait = self._open_lanes()
                await self._news_within(wait)
                ended = {lane for lane in self._lanes if lane.done()}
                self._lanes -= ended
                for lane in ended:
                    if not lane.cancelled():  # by us, because its jobs were
                        lane.result()
        finally:
            lanes, self._lanes = self._lanes, set()
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _news_within(self, seconds: float) -> None:
        """Wait for news. Before Python 3.12 ``asyncio.wait_for`` loses a cancellation that comes along with them."""
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait([news], timeout=seconds)
        finally:
            news.cancel()

    def _open_lanes(self) -> float:
        """Let as many lanes wait for a worker as there are ripe batches.

        Returns:
            Seconds until there may be more.
        """
        room = self._workers.most - len(self._lanes)
        waiting = self._waiting_lanes & self._lanes
        if room <= 0 and not waiting:
            return _LOOK_EVERY
        now = self._clock()
        ripe, wait = ripe_batches(self._waiting(now), self._turns, self._gathering(), now, room + len(waiting))
        for _ in range(ripe - len(waiting)):
            lane = asyncio.create_task(self.run_one())
            lane.add_done_callback(self._lane_ended)
            self._lanes.add(lane)
            self._waiting_lanes.add(lane)
        for lane in list(waiting)[ripe:]:  # of jobs that were cancelled: a worker need not be started for them
            lane.cancel()
        return min(_LOOK_EVERY if wait is None else wait, _LOOK_EVERY)

    def _lane_ended(self, lane: asyncio.Task[None]) -> None:
        self._waiting_lanes.discard(lane)
        self._news.set()

    async def run_one(self) -> None:
        """Wait for a free worker, and run a batch on it if there is one."""
        async with self._workers.free() as worker:
            run = str(uuid.uuid4())
            jobs, turns = await self._begun(worker, run)
            self._waiting_lanes.discard(asyncio.current_task())
            if jobs and not await self._run(worker, jobs, turns, run):
                self._turns = {**self._turns, **{client: turns.get(client, 0.0) for client in _clients(jobs)}}

    async def _begun(self, worker: Worker, run: str) -> tuple[list[Job], dict[str, float]]:
        """The jobs of the next batch for a worker, which have begun, and the turns of clients before that."""
        while True:
            now = self._clock()
            waiting = self._waiting(now)
            choice = choose(fitting(waiting, worker), self._turns, self._gathering(), now)
            if choice.wait is None:
                break
            await asyncio.sleep(min(choice.wait, _LOOK_EVERY))
        turns = self._turns
        jobs = self._store.begin([job.id for job in choice.batch], now, run, worker.name)
        if jobs:
            self._turns = _newest(turns, dict.fromkeys(_clients(jobs), now), _TURNS_KNOWN)
        elif waiting:  # none of which is for this worker: not to be asked again and again
            await asyncio.sleep(_LOOK_EVERY)
        return jobs, turns

    def _waiting(self, now: float) -> list[Job]:
        return [job for job in self._store.waiting() if not self._is_hopeless(job, now)]

    def _is_hopeless(self, job: Job, now: float) -> bool:
        if job.deadline is not None and job.deadline <= now:
            reason = "its deadline has passed before it could begin"
        else:
            reason = self._workers.refusal(job)
        if not reason:
            return False
        self._store.end(job.id, "failed", now, reason)
        self._tell(job.id)
        return True

    async def _run(self, worker: Worker, jobs: Sequence[Job], turns: Mapping[str, float], run: str) -> bool:
        """Run a batch.

        Args:
            turns: of the clients, without this one.

        Returns:
            Whether that was a turn of theirs: not if the batch has been taken out of the queue before it began.
        """
        prompt = merged([job.prompt for job in jobs], self._kinds)
        batch = Batch(jobs, prompt, lambda shown: self._proceeded(run, shown), run, self._kept_place(jobs))
        self._runs = _newest(self._runs, {run: batch}, _RUNS_KNOWN)
        self._live[run] = _Live(batch, worker)
        for job in jobs:
            self._tell(job.id)
        beside = [
            asyncio.create_task(self._look_ahead(worker, batch)),
            asyncio.create_task(self._look_back(worker, batch, turns)),
        ]
        try:
            outcome = await self._outcome(worker, batch)
            try:
                for job, verdict in zip(jobs, outcome or [Again()] * len(jobs), strict=True):
                    self._settle(job, verdict, run)
            except OSError as error:  # as of a disk that is full here: no fault of the jobs, nor of other batches
                logger.warning("jobs wait, since their files cannot be put in place: %s", error)
                await asyncio.sleep(_PAUSE)
                for job in jobs:
                    self._settle(job, Again(), run)
        finally:
            for task in beside:
                task.cancel()
            del self._live[run]
        if outcome is None:
            self._taken_back = batch
        return outcome is not None

    async def _outcome(self, worker: Worker, batch: Batch) -> Sequence[Verdict] | None:
        """Run a batch to its end: what becomes of its jobs; ``None`` if it was taken back before it began."""
        try:
            ended = await worker.run(batch)
        except WorkerLost as lost:
            logger.warning("%d jobs are lost with their worker %s: %s", len(batch.jobs), worker.name, lost)
            return [_after(lost, worker, batch)] * len(batch.jobs)
        except Exception as error:
            logger.exception("a batch of jobs could not be run")
            several = len(batch.jobs) > 1
            return [Again(crashed=True) if several else Failed(str(error))] * len(batch.jobs)
        if ended.status == "lost" and not batch.has_begun:  # by us, or by who has cleared the queue
            return None
        found = verdicts(batch.merged, ended, self._kinds)
        if not worker.name or not (fault := worker_fault(ended)) or _is_of_some(batch, ended):
            return found
        trouble = Trouble(worker.name, fault, ended.error, len(batch.jobs) == 1)
        return [one if isinstance(one, Done) else Elsewhere(trouble) for one in found]

    def _kept_place(self, jobs: Sequence[Job]) -> float | None:
        """The place in the queue of the batch that has been taken back, if some of its jobs are among these."""
        batch = self._taken_back
        if batch is None or not {job.id for job in batch.jobs}.intersection(job.id for job in jobs):
            return None
        self._taken_back = None
        return batch.place

    async def _look_ahead(self, worker: Worker, batch: Batch) -> None:
        """Prepare the jobs that will run next, one after the other, unless the batch needs the processor itself."""
        seen: set[str] = set()
        try:
            while True:
                if not self._gathering().ahead or not self._leaves_processor(batch):
                    await asyncio.sleep(_LOOK_EVERY)
                elif job := self._next_job(seen):
                    seen.add(job.id)
                    await worker.prepare(job.prompt)
                else:  # to read a long queue takes a while: not more often than it is of use
                    self._news.clear()
                    await self._news.wait()
                    await asyncio.sleep(_LOOK_EVERY)
        except Exception:  # such as of a disk that is full; the batch must not suffer
            logger.exception("the next jobs are not prepared")

    async def _look_back(self, worker: Worker, batch: Batch, turns: Mapping[str, float]) -> None:
        """Take a batch back that has not begun, as behind prompts of the editor, if it should be another one."""
        while not batch.withdrawn and not batch.has_begun:
            if self._has_late(batch) or self._can_grow(batch, turns):
                batch.withdrawn = worker.withdraw(batch, even_if_running=False)
            await asyncio.sleep(_LOOK_EVERY)

    def _has_late(self, batch: Batch) -> bool:
        now = self._clock()
        return any(job.deadline is not None and job.deadline <= now for job in batch.jobs)

    def _can_grow(self, batch: Batch, turns: Mapping[str, float]) -> bool:
        """Whether jobs have come that would have run with those of a batch, had they been there."""
        now = self._clock()
        there = sorted([*batch.jobs, *self._waiting(now)], key=lambda job: job.number)
        chosen = {job.id for job in choose(there, turns, replace(self._gathering(), window=0.0), now).batch}
        return chosen > {job.id for job in batch.jobs}

    def _leaves_processor(self, batch: Batch) -> bool:
        node = batch.merged.prompt.get(batch.node)
        return node is not None and not self._kinds(node["class_type"]).is_precomputable

    def _next_job(self, seen: Collection[str]) -> Job | None:
        """The first job of the batch that would begin if this one ended now, but for those that were seen."""
        now = self._clock()
        choice = choose(self._waiting(now), self._turns, replace(self._gathering(), window=0.0), now)
        job_id = next((job.id for job in choice.batch if job.id not in seen), None)
        return self._store.find(job_id) if job_id else None

    def _proceeded(self, run: str, shown: str) -> None:
        """Jobs that have all they were run for need not wait for the others."""
        if live := self._live.get(run):
            try:
                self._hear(live, shown)
            except (sqlite3.Error, OSError):  # such as of a disk that is full; the end of the run tells all of it again
                logger.exception("how far the jobs of a run are is not kept")

    def _hear(self, live: _Live, shown: str) -> None:
        batch, now = live.batch, self._clock()
        for place in batch.merged.owners.get(shown, ()):
            if is_complete(batch.merged, batch.outputs, place, self._kinds):
                found = outputs_of(batch.merged, batch.outputs, place, self._kinds)
                self._settle(batch.jobs[place], Done(found), batch.run)
        if now - live.told >= _TELL_EVERY:
            live.told = now
            for job in batch.jobs:
                self._tell(job.id, if_running=True)

    def _settle(self, job: Job, verdict: Verdict, run: str) -> None:
        if not self._store.is_running(job.id, run):
            return
        now = self._clock()
        if isinstance(verdict, Done):
            self._live[run].worker.deliver(job.id, run)
            self._store.end(job.id, "done", now, outputs=verdict.outputs)
        elif isinstance(verdict, Failed):
            self._store.end(job.id, "failed", now, verdict.error)
        elif isinstance(verdict, Elsewhere):
            self._store.elsewhere(job.id, now, verdict.trouble)
        else:
            self._store.again(job.id, now, most=verdict.most, crashed=verdict.crashed)
        self._tell(job.id)

    def _tell(self, job_id: str, *, if_running: bool = False) -> None:
        job = self._store.find(job_id)
        if job and (job.state == "running" or not if_running):
            self._changed(job)


def _after(lost: WorkerLost, worker: Worker, batch: Batch) -> Verdict:
    """What becomes of a job whose worker was lost: it may be why, if the machine is not."""
    if lost.by == "machine":
        return Again()
    return Elsewhere(Trouble(worker.name, "killed", str(lost), len(batch.jobs) == 1))


def _is_of_some(batch: Batch, ended: Ended) -> bool:
    """Whether a batch was refused for the sake of some of its jobs: the others must not suffer."""
    return ended.status == "refused" and 0 < len(batch.merged.owners.get(ended.node, ())) < len(batch.jobs)


def _clients(jobs: Sequence[Job]) -> list[str]:
    return list(dict.fromkeys(job.client for job in jobs))


def _newest(known: Mapping[str, T], new: Mapping[str, T], most: int) -> dict[str, T]:
    """What is known with what is new, which goes last; of more than ``most``, the first are forgotten."""
    both = {**{key: value for key, value in known.items() if key not in new}, **new}
    return dict(list(both.items())[-most:])
