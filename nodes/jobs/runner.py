"""Takes jobs from the store to ComfyUI's queue and back, one batch at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from ..graph import Prompt
from ..metering.meter import Clock
from .batch import Batch
from .gather import Gathering, choose
from .job import ENDED, Job
from .job_store import JobStore
from .kinds import Kinds
from .merge import merged
from .outcome import Again, Done, Ended, Failed, Verdict, costs, is_complete, outputs_of, verdicts

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_EVERY = 1.0  # seconds, for deadlines; new jobs are noticed at once
_TELL_EVERY = 0.5  # seconds, of jobs that go on
_RUNS_KNOWN = 8  # what they have cost is known a moment after their end, if at all
_TURNS_KNOWN = 10_000


class PromptQueue(Protocol):
    """What runs prompts."""

    async def run(self, prompt: Prompt, batch: Batch) -> Ended:
        """Run a prompt at the place of ``batch`` in the queue, and tell ``batch`` what happens on the way."""

    async def prepare(self, prompt: Prompt) -> None:
        """Do what can be done of a prompt while another one runs. Nothing is raised: its own run will tell."""

    def withdraw(self, run: str, *, even_if_running: bool) -> bool:
        """Take the prompt that runs back if it has not begun, and tell its batch the place it had; or stop it.

        Returns:
            Whether it will not come to its end.
        """


class Runner:
    """Gathers, merges and runs jobs until it is stopped.

    Args:
        store: where jobs lie.
        machine: what runs prompts.
        kinds: of classes of nodes.
        gathering: asked at every look, so that a change of the settings holds at once.
        changed: told of every job that begins, proceeds, ends or waits again.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        store: JobStore,
        machine: PromptQueue,
        kinds: Kinds,
        gathering: Callable[[], Gathering],
        changed: Callable[[Job], None] = lambda _: None,
        clock: Clock = time.time,
    ) -> None:
        self._store, self._machine, self._kinds = store, machine, kinds
        self._gathering, self._changed, self._clock = gathering, changed, clock
        self._news = asyncio.Event()
        self._turns: dict[str, float] = {}
        self._runs: dict[str, Batch] = {}
        self._told = 0.0
        self._taken_back: Batch | None = None
        self.batch: Batch | None = None
        """The one that runs."""

    def recover(self) -> None:
        """Jobs that run as far as the store knows, while nothing does, wait once more."""
        for job in self._store.running():
            self._store.again(job.id, self._clock(), crashed=True)
            self._tell(job.id)

    def notice(self) -> None:
        """There is a new job."""
        self._news.set()

    def progress(self, job: Job) -> dict[str, Any] | None:
        """How far a job is that runs."""
        if self.batch is None:
            return None
        places = [place for place, other in enumerate(self.batch.jobs) if other.id == job.id]
        return self.batch.progress(places[0]) if places else None

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that has not ended.

        One that shares a prompt, which has begun, is worked on with the others; what comes out is dropped.

        Returns:
            Whether there was anything to cancel.
        """
        if not self._store.end(job_id, "cancelled", self._clock()):
            return False
        self._tell(job_id)
        batch = self.batch
        if batch and not batch.withdrawn and any(job.id == job_id for job in batch.jobs):
            states = [self._store.find(job.id) for job in batch.jobs]
            nobody = all(job is None or job.state in ENDED for job in states)
            batch.withdrawn = self._machine.withdraw(batch.run, even_if_running=nobody)
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
        while True:
            wait = await self.step()
            if wait is None:
                continue
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(wait, _LOOK_EVERY))

    async def step(self) -> float | None:
        """Run a batch if there is one.

        Returns:
            ``None`` if there was; else the seconds until there may be.
        """
        self._news.clear()
        now = self._clock()
        choice = choose(self._waiting(now), self._turns, self._gathering(), now)
        if not choice.batch:
            return _LOOK_EVERY if choice.wait is None else choice.wait
        jobs = self._store.begin([job.id for job in choice.batch], now)
        if jobs:
            turns = self._turns
            self._turns = _newest(turns, dict.fromkeys((job.client for job in jobs), now), _TURNS_KNOWN)
            if not await self._run(jobs, turns):
                self._turns = turns
        return None

    def _waiting(self, now: float) -> list[Job]:
        return [job for job in self._store.waiting() if not self._is_late(job, now)]

    def _is_late(self, job: Job, now: float) -> bool:
        if job.deadline is None or job.deadline > now:
            return False
        self._store.end(job.id, "failed", now, "its deadline has passed before it could begin")
        self._tell(job.id)
        return True

    async def _run(self, jobs: Sequence[Job], turns: Mapping[str, float]) -> bool:
        """Run a batch.

        Args:
            turns: of the clients, without this one.

        Returns:
            Whether that was a turn of theirs: not if the batch has been taken out of the queue before it began.
        """
        batch = Batch(jobs, merged([job.prompt for job in jobs], self._kinds), self._proceeded)
        batch.place = self._kept_place(jobs)
        self.batch, self._runs = batch, _newest(self._runs, {batch.run: batch}, _RUNS_KNOWN)
        for job in jobs:
            self._tell(job.id)
        beside = [asyncio.create_task(self._look_ahead(batch)), asyncio.create_task(self._look_back(batch, turns))]
        outcome: Sequence[Verdict]
        taken_back = False
        try:
            ended = await self._machine.run(batch.merged.prompt, batch)
            taken_back = ended.status == "lost" and not batch.has_begun  # by us, or by who has cleared the queue
            outcome = [Again() for _ in jobs] if taken_back else verdicts(batch.merged, ended, self._kinds)
        except Exception as error:
            logger.exception("a batch of jobs could not be run")
            outcome = [Again(crashed=True) if len(jobs) > 1 else Failed(str(error)) for _ in jobs]
        finally:
            for task in beside:
                task.cancel()
            self.batch = None
        for job, verdict in zip(jobs, outcome, strict=True):
            self._settle(job, verdict)
        if taken_back:
            self._taken_back = batch
        return not taken_back

    def _kept_place(self, jobs: Sequence[Job]) -> float | None:
        """The place in the queue of the batch that has been taken back, if some of its jobs are among these."""
        batch = self._taken_back
        if batch is None or not {job.id for job in batch.jobs}.intersection(job.id for job in jobs):
            return None
        self._taken_back = None
        return batch.place

    async def _look_ahead(self, batch: Batch) -> None:
        """Prepare the jobs that will run next, one after the other, unless the batch needs the processor itself."""
        seen: set[str] = set()
        try:
            while True:
                if not self._gathering().ahead or not self._leaves_processor(batch):
                    await asyncio.sleep(_LOOK_EVERY)
                elif job := self._next_job(seen):
                    seen.add(job.id)
                    await self._machine.prepare(job.prompt)
                else:  # to read a long queue takes a while: not more often than it is of use
                    self._news.clear()
                    await self._news.wait()
                    await asyncio.sleep(_LOOK_EVERY)
        except Exception:  # such as of a disk that is full; the batch must not suffer
            logger.exception("the next jobs are not prepared")

    async def _look_back(self, batch: Batch, turns: Mapping[str, float]) -> None:
        """Take a batch back that has not begun, as behind prompts of the editor, if it should be another one."""
        while not batch.withdrawn and not batch.has_begun:
            if self._has_late(batch) or self._can_grow(batch, turns):
                batch.withdrawn = self._machine.withdraw(batch.run, even_if_running=False)
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

    def _proceeded(self, shown: str) -> None:
        """Jobs that have all they were run for need not wait for the others."""
        batch, now = self.batch, self._clock()
        if batch is None:
            return
        for place in batch.merged.owners.get(shown, ()):
            if is_complete(batch.merged, batch.outputs, place, self._kinds):
                self._settle(batch.jobs[place], Done(outputs_of(batch.merged, batch.outputs, place, self._kinds)))
        if now - self._told >= _TELL_EVERY:
            self._told = now
            for job in batch.jobs:
                self._tell(job.id, if_running=True)

    def _settle(self, job: Job, verdict: Verdict) -> None:
        now = self._clock()
        if isinstance(verdict, Done):
            news = self._store.end(job.id, "done", now, outputs=verdict.outputs)
        elif isinstance(verdict, Failed):
            news = self._store.end(job.id, "failed", now, verdict.error)
        else:
            self._store.again(job.id, now, most=verdict.most, crashed=verdict.crashed)
            news = True
        if news:
            self._tell(job.id)

    def _tell(self, job_id: str, *, if_running: bool = False) -> None:
        job = self._store.find(job_id)
        if job and (job.state == "running" or not if_running):
            self._changed(job)


def _newest(known: Mapping[str, T], new: Mapping[str, T], most: int) -> dict[str, T]:
    """What is known with what is new, which goes last; of more than ``most``, the first are forgotten."""
    both = {**{key: value for key, value in known.items() if key not in new}, **new}
    return dict(list(both.items())[-most:])
