"""The workers of a fleet, as the runner of jobs sees them."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..graph import Prompt
from ..jobs.batch import Batch
from ..jobs.job import Job
from ..jobs.outcome import Ended
from ..jobs.workers import WorkerLost
from .about import About
from .files import Files, FilesError
from .ledger import Ledger
from .link import Lane, Link
from .order import Order

logger = logging.getLogger(__name__)

MOST_LANES = 64
"""Batches that may run or wait for a worker at once; how many workers there may be is the cluster's to say."""
_SETTLED = 20.0
"""Seconds that a fleet must have been as it is before a job is told that no worker can run it."""
_PAUSE = 5.0
"""Seconds before the store of files is tried again."""
_LONGEST_REST = 60.0
"""Seconds that a worker gets no batches which has broken off several in a row."""


@dataclass(frozen=True)
class Place:
    """This gateway, for its workers.

    Attributes:
        pack: the version of this pack; a worker of another one gets no batches.
        outputs: the folder with a folder for each job.
        files: URL of the store of files, as workers reach it.
        inputs_of: gives a prompt as a worker can run it, and by their path below its input folder the files it names.
        sha256_of: of the content of a file.
        recorded: told what runs have cost.
    """

    pack: str
    outputs: Path
    files: str
    inputs_of: Callable[[Prompt], tuple[Prompt, Mapping[str, Path]]]
    sha256_of: Callable[[Path], str]
    recorded: Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Rest:
    """How often a worker has broken off in a row, until when it rests, and why."""

    times: int
    until: float
    why: str


class FleetWorkers:
    """All workers that a cluster has or may start; see ``jobs.workers.Workers``.

    Args:
        link: to the cluster.
        files: where inputs and outputs lie for all.
        ledger: told what workers do.
    """

    most = MOST_LANES
    outlive_us = True

    def __init__(self, link: Link, files: Files, ledger: Ledger, place: Place) -> None:
        self.link, self.files, self.ledger, self.place = link, files, ledger, place
        self.files_trouble = ""
        self._resting: dict[str, _Rest] = {}
        self._known: frozenset[str] = frozenset()
        self._known_since = time.monotonic()

    @asynccontextmanager
    async def free(self) -> AsyncIterator[FleetWorker]:
        """Wait for a worker without work; if there is none, the cluster is to start one."""
        async with self.link.lane() as lane:
            worker = FleetWorker(self, lane, await lane.free())
            try:
                yield worker
            finally:
                lane.let_go()  # a cancelled batch ends at once, however long it takes to tidy up
                await worker.tidy()

    def unusable(self, about: About) -> str:
        """Why a worker gets no batches at all, or none for now; empty if it may."""
        if about.pack != self.place.pack:
            return f"its pack is {about.pack or 'unknown'}, the gateway's {self.place.pack}"
        rest = self._resting.get(about.worker)
        return f"it has broken off {rest.times} times: {rest.why}" if rest and rest.until > time.monotonic() else ""

    def broke_off(self, worker: str, why: str) -> None:
        """A worker has broken off a batch. One that does so again and again rests, longer each time.

        Else one that, say, has no right to the store of files would be the first to be free for every batch.
        """
        times = self._resting[worker].times + 1 if worker in self._resting else 1
        known = {seen.about.worker for seen in self.link.state.workers}
        self._resting = {name: rest for name, rest in self._resting.items() if name in known}
        self._resting[worker] = _Rest(times, time.monotonic() + (times > 1) * min(2.0**times, _LONGEST_REST), why)

    def answered(self, worker: str) -> None:
        """A worker has said how a batch has ended."""
        self._resting.pop(worker, None)

    def unfit(self, about: About, job: Job) -> str:
        """Why a worker cannot run a job; empty if it can."""
        if missing := sorted(set(job.needs) - about.models):
            return f"lacks {', '.join(missing)}"
        met = [trouble for trouble in job.troubles if trouble.worker == about.worker]
        if met and not self._others_than({trouble.worker for trouble in job.troubles}):
            met = [trouble for trouble in met if trouble.alone]  # with others, it may have been another's doing
        return f"{met[-1].kind}: {met[-1].why}" if met else ""

    def refusal(self, job: Job) -> str:
        """Why no worker can run a job: what each lacks, once no other one is on its way."""
        state = self.link.state
        if not state.up or not state.workers or state.starting:
            return ""
        # Asked for each job that waits, many times a second: mostly the first worker will do.
        if not all(self.unfit(seen.about, job) for seen in state.workers):
            return ""
        if any(self.unusable(seen.about) for seen in state.workers) or not self._is_settled():
            return ""
        reasons = {seen.about.worker: self.unfit(seen.about, job) for seen in state.workers}
        return "no worker can run it: " + "; ".join(f"{worker} {reason}" for worker, reason in reasons.items())

    def trouble(self) -> str:
        """Why nothing runs; empty if nothing hinders it."""
        state = self.link.state
        if not state.up:
            return state.why
        if not state.workers:
            return (
                f"No worker is ready yet; {state.starting or 'none'} of them start{'s' if state.starting < 2 else ''}."
            )
        reasons = [f"{seen.about.worker}: {self.unusable(seen.about)}" for seen in state.workers]
        if all(self.unusable(seen.about) for seen in state.workers):
            return "; ".join(reasons)
        return self.files_trouble

    def _others_than(self, names: set[str]) -> set[str]:
        return {seen.about.worker for seen in self.link.state.workers} - names

    def _is_settled(self) -> bool:
        names = frozenset(seen.about.worker for seen in self.link.state.workers)
        if names != self._known:
            self._known, self._known_since = names, time.monotonic()
        return time.monotonic() - self._known_since >= _SETTLED


class FleetWorker:
    """A worker that is reserved; see ``jobs.workers.Worker``."""

    def __init__(self, fleet: FleetWorkers, lane: Lane, about: About) -> None:
        self._fleet, self._lane, self._about = fleet, lane, about
        self._batch: Batch | None = None
        self._is_lost = False
        self._running: asyncio.Task[Ended] | None = None
        self._fetching: set[asyncio.Future[Any]] = set()
        self._delivered: list[str] = []

    @property
    def name(self) -> str:
        """As the worker tells it."""
        return self._about.worker

    def can_run(self, job: Job) -> bool:
        """Whether it has the models, and has not failed with the job before."""
        return not (self._fleet.unusable(self._about) or self._fleet.unfit(self._about, job))

    def has_loaded(self, job: Job) -> bool:
        """Whether its last batch had the same models."""
        return bool(job.needs) and self._about.loaded.issuperset(job.needs)

    async def run(self, batch: Batch) -> Ended:
        """Run a batch, and fetch its files as they come.

        Raises:
            WorkerLost: the worker, or the store of files, does not answer any more.
        """
        self._batch, self._is_lost = batch, True
        self._fleet.ledger.began(batch.run, self.name, time.time())
        self._running = asyncio.create_task(self._run(batch))
        try:
            ended = await self._running
        except asyncio.CancelledError:
            if not batch.withdrawn:
                raise
            ended = Ended("stopped", batch.outputs)
        self._is_lost = False
        return ended

    async def prepare(self, prompt: Prompt) -> None:
        """Nothing: what a gateway has worked out is on another machine than who needs it."""

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        """Stop a batch: the worker hears of it when its lane is let go."""
        if even_if_running and self._running:
            self._running.cancel()
        return even_if_running

    def deliver(self, job_id: str, run: str) -> None:
        """Let a job have the files that have been fetched of a run.

        Raises:
            OSError: the folder cannot be written.
        """
        part, target = self._part(job_id, run), self._fleet.place.outputs / job_id
        if part.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            part.rename(target)
        self._delivered.append(job_id)

    async def tidy(self) -> None:
        """Remove what nobody will ask for any more, and note what the worker has done."""
        if self._fetching:  # a thread goes on when its task is cancelled, and would make its folder anew
            await asyncio.wait(self._fetching)
        if self._batch:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._tidy, self._batch))

    def _tidy(self, batch: Batch) -> None:
        self._fleet.ledger.ended(batch.run, time.time(), lost=self._is_lost, clips=len(self._delivered))
        for job in batch.jobs:
            shutil.rmtree(self._part(job.id, batch.run), ignore_errors=True)
        with suppress(FilesError):  # the next sweep will
            for job_id in self._delivered:
                self._fleet.files.drop_job(job_id)

    async def _run(self, batch: Batch) -> Ended:
        fleet = self._fleet
        try:
            order = await asyncio.to_thread(self._order, batch)
            async for line in self._lane.run(order):
                if ended := await self._heard(batch, line):
                    fleet.files_trouble = ""
                    fleet.answered(self.name)
                    return ended
        except WorkerLost as lost:
            fleet.broke_off(self.name, str(lost))
            raise
        except OSError as error:  # of the store, or of a disk here that is full
            fleet.files_trouble = str(error)
            logger.warning("jobs wait: %s", error)
            await asyncio.sleep(_PAUSE)
            raise WorkerLost(str(error)) from error
        raise WorkerLost("it has not said how the batch ended")

    def _order(self, batch: Batch) -> Order:
        """What the worker is asked; the files that it needs are in the store by then.

        Raises:
            FilesError: the store cannot be reached.
        """
        place, files = self._fleet.place, self._fleet.files
        prompts, paths = [], dict[str, Path]()
        for job in batch.jobs:
            prompt, named = place.inputs_of(job.prompt)
            prompts.append(prompt)
            paths |= named
        inputs = {}
        for name, path in paths.items():
            try:
                inputs[name] = files.put_input(path, place.sha256_of(path))
            except FilesError:
                raise
            except OSError as error:  # it cannot be read any more: the node that names it will say so
                logger.warning("%s is not brought to a worker: %s", path, error)
        return Order(batch.run, tuple(job.id for job in batch.jobs), tuple(prompts), place.files, inputs)

    async def _heard(self, batch: Batch, line: Mapping[str, Any]) -> Ended | None:
        """Tell a batch what its worker says.

        Returns:
            How it has ended, if it has.

        Raises:
            OSError: files cannot be fetched, or kept here.
        """
        if "at" in line:
            batch.at(line["at"], line["value"], line["max"])
        elif "skipped" in line:
            batch.skipped(line["skipped"])
        elif "shown" in line:
            await self._fetch(batch, batch.merged.owners.get(line["shown"], ()))
            batch.shown(line["shown"], line["output"])
        elif "ended" in line:
            await self._fetch(batch, range(len(batch.jobs)))
            if line["record"]:
                self._fleet.place.recorded({**line["record"], "run": batch.run})
            return Ended(**line["ended"])
        return None

    async def _fetch(self, batch: Batch, places: Iterable[int]) -> None:
        for job in (batch.jobs[place] for place in places):
            if job.id not in self._delivered:
                take, part = self._fleet.files.take_output, self._part(job.id, batch.run)
                fetch = asyncio.get_running_loop().run_in_executor(None, take, job.id, batch.run, part)
                self._fetching.add(fetch)
                fetch.add_done_callback(self._fetching.discard)
                await asyncio.shield(fetch)

    def _part(self, job_id: str, run: str) -> Path:
        """Where the files of a run are until they are a job's."""
        return self._fleet.place.outputs / f".{job_id}-{run}"
