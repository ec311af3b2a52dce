"""A day of a fleet, without its hardware: jobs, store and runner are the pack's own, time and machines are simulated.

The loop's clock leaps to whatever happens next. Machines start when Ray Serve's own policy would start them, take their
time for what they are given, and are taken away at random.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import statistics
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from ray.serve.autoscaling_policy import _apply_delay_logic
from ray.serve.config import AutoscalingConfig

from frugal_motion.nodes.graph import Prompt
from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.gather import Gathering, batch_key
from frugal_motion.nodes.jobs.job import ENDED, Job
from frugal_motion.nodes.jobs.job_store import JobStore
from frugal_motion.nodes.jobs.kinds import Batcher, Kind
from frugal_motion.nodes.jobs.outcome import Ended
from frugal_motion.nodes.jobs.runner import Runner
from frugal_motion.nodes.jobs.workers import WorkerLost

HOUR, WHOLE_DAY = 3600.0, 86400.0
PATIENCE = WHOLE_DAY
"""Seconds after which a job that has not ended is lost."""
SAVING = 0.1
"""The part of a clip's time after the sampler, in which it is saved apart from the others."""


@dataclass(frozen=True)
class Day:
    """What comes, and on what it runs. Times are in seconds.

    Attributes:
        jobs: that come within ``length``, most of them around its first quarter.
        clients, checkpoints: of the jobs; the first ones have the most.
        batch, window: jobs that run together at most, and how long they wait for each other.
        target: batches that run or wait for each machine (``target_ongoing_requests``).
        machines: at most.
        prefers_loaded: machines tell which checkpoint they hold, so that its jobs may come first.
        kills: of machines per hour of one, ``notice`` after it is told; noticed by the gateway ``unnoticed`` later.
        cold: until a machine is ready.
        clip: time of one alone, of which the part ``fixed`` is the same for a whole batch.
        load, overhead: of a checkpoint that is not there yet, and of every batch.
        up, down, to_zero: delays of Serve's autoscaling, which looks at the mean of ``look_back``.
        poison: part of the jobs that kill their ComfyUI.
        broken: so many machines, of the first ones, have a full disk.
        lacking: part of the machines, each of which lacks a checkpoint.
    """

    jobs: int = 10_000
    length: float = WHOLE_DAY
    clients: int = 300
    checkpoints: int = 12
    batch: int = 8
    window: float = 1.0
    target: int = 1
    machines: int = 20
    prefers_loaded: bool = True
    kills: float = 0.05
    notice: float = 30.0
    unnoticed: float = 5.0
    cold: float = 120.0
    clip: float = 30.0
    fixed: float = 0.343
    load: float = 15.0
    overhead: float = 2.0
    up: float = 0.0
    down: float = 120.0
    to_zero: float = 300.0
    look_back: float = 30.0
    poison: float = 0.0
    broken: int = 0
    lacking: float = 0.0
    seed: int = 1


@dataclass
class Seen:
    """What has happened.

    Attributes:
        jobs: all of them, as they came.
        ends: how often the runner has told of a job's end, by its id.
        delivered: how often a job's files were put in place.
        final: the jobs' records.
        sizes: of batches that have begun.
        joinable: batches that were begun without a job that waited and could have joined.
        rented: seconds of machines.
        starts, kills, lost, loads: of machines; batches lost with one; checkpoints loaded.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    final: dict[str, Job] = field(default_factory=dict)
    sizes: Counter[int] = field(default_factory=Counter)
    joinable: int = 0
    rented: float = 0.0
    starts: int = 0
    kills: int = 0
    lost: int = 0
    loads: int = 0

    @property
    def never_ended(self) -> list[str]:
        """Jobs that were accepted, and neither done nor failed."""
        return [job_id for job_id in self.jobs if self.final[job_id].state not in ENDED]

    @property
    def failed(self) -> list[str]:
        """Jobs that have failed."""
        return [job_id for job_id, job in self.final.items() if job.state == "failed"]

    @property
    def doubled(self) -> list[str]:
        """Jobs that have ended, or whose files were put in place, more than once."""
        return [job_id for job_id in self.jobs if max(self.ends[job_id], self.delivered[job_id]) > 1]

    @property
    def mean_size(self) -> float:
        """Jobs in a batch."""
        return sum(size * count for size, count in self.sizes.items()) / max(self.sizes.total(), 1)

    def waits(self) -> list[float]:
        """Seconds until jobs that are done began for the last time, the shortest first."""
        return sorted(_wait(job) for job in self.final.values() if job.state == "done")

    def mean_waits(self, least: int = 6) -> list[float]:
        """The same in the mean of each client with so many jobs."""
        waits: dict[str, list[float]] = {}
        for job in self.final.values():
            if job.state == "done":
                waits.setdefault(job.client, []).append(_wait(job))
        return sorted(statistics.fmean(one) for one in waits.values() if len(one) >= least)


def simulated(day: Day) -> Seen:
    """Let a day pass."""
    loop = _LeapingLoop()
    try:
        return loop.run_until_complete(_Fleet(day, loop).work())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _wait(job: Job) -> float:
    return float((job.started or 0.0) - job.created)


class _Leap(selectors.SelectSelector):
    """Does not wait: the time that was to pass has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again")
        self.now += max(timeout, 0.0)
        return []


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.now


_BATCHER = Batcher("FrugalJobsSampler", frozenset({"control_images", "seed"}), 1)
_SAMPLER, _SAVE = "FrugalKeyframeSampler", "FrugalSaveVideo"
POISON = "poison.mp4"
"""A clip that kills its ComfyUI."""


def _kinds(class_type: str) -> Kind:
    return Kind(is_output=class_type == _SAVE, batcher=_BATCHER if class_type == _SAMPLER else None)


def _prompt(checkpoint: str, clip: str, seed: int) -> Prompt:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {"class_type": "FrugalLoadVideo", "inputs": {"file": clip}},
        "3": {"class_type": _SAMPLER, "inputs": {"model": ["1", 0], "control_images": ["2", 0], "seed": seed}},
        "4": {"class_type": _SAVE, "inputs": {"video": ["3", 0], "filename_prefix": f"jobs/{seed}/video"}},
    }


def _arrivals(day: Day, random: Random) -> list[Job]:
    """Jobs in the order in which they come, with a peak in the first quarter and hardly any in the third.

    A Poisson process, thinned by a sine.
    """
    checkpoints = [f"{number}.safetensors" for number in range(day.checkpoints)]
    popular = [1 / (number + 1) for number in range(day.checkpoints)]
    busy = [1 / (number + 1) ** 0.8 for number in range(day.clients)]
    found: list[Job] = []
    now = 0.0
    while len(found) < day.jobs:
        now += random.expovariate(day.jobs / day.length * 1.9)
        if random.random() > (1 + 0.9 * math.sin(now / day.length * 2 * math.pi)) / 1.9:
            continue
        checkpoint = random.choices(checkpoints, popular)[0]
        client = str(random.choices(range(day.clients), busy)[0])
        number = len(found)
        clip = POISON if random.random() < day.poison else f"{number}.mp4"
        prompt = _prompt(checkpoint, clip, number)
        found.append(Job(f"job {number}", prompt, client, batch_key(prompt, _kinds), created=now, needs=[checkpoint]))
    return found


class _Fleet:
    """All machines, and what starts and stops them."""

    outlive_us = True

    def __init__(self, day: Day, loop: asyncio.AbstractEventLoop) -> None:
        self.day, self.seen, self.clock = day, Seen(), loop.time
        self.random = Random(f"machines of {day.seed}")
        self.store = JobStore(Path(":memory:"))
        self.machines: list[_Machine] = []
        self.most = day.target * day.machines
        self._lanes: deque[asyncio.Future[_Machine]] = deque()
        self._held = 0
        self._done = asyncio.Event()

    async def work(self) -> Seen:
        """Until all jobs have ended and all machines are gone."""
        day = self.day
        gathering = Gathering(day.batch, day.window)
        runner = Runner(self.store, self, _kinds, lambda: gathering, self._changed, self.clock)
        tasks = [asyncio.create_task(runner.run()), asyncio.create_task(self._scale())]
        for job in _arrivals(day, Random(f"jobs of {day.seed}")):
            await asyncio.sleep(job.created - self.clock())
            self.seen.jobs[job.id] = self.store.add(job, day.jobs, day.jobs)
            runner.notice()
        over = asyncio.create_task(self._over())
        await asyncio.wait([over, *tasks], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # such a task has no end but an error
        over.cancel()
        for task in [*tasks, *(machine.life for machine in self.machines)]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.seen.final = {job.id: job for job in self.store.newest(day.jobs)}
        self.store.close()
        return self.seen

    async def _over(self) -> None:
        await self._done.wait()
        while self.machines:
            await asyncio.sleep(1.0)

    def _changed(self, job: Job) -> None:
        if job.state in ENDED:
            self.seen.ends[job.id] += 1
            if len(self.seen.ends) == self.day.jobs:
                self._done.set()

    @asynccontextmanager
    async def free(self) -> AsyncIterator[_Machine]:
        machine = await self._reserved()
        try:
            yield machine
        finally:
            self._held -= 1
            machine.released()
            self.offer()

    async def _reserved(self) -> _Machine:
        lane: asyncio.Future[_Machine] = asyncio.get_running_loop().create_future()
        self._lanes.append(lane)
        self.offer()
        try:
            return await lane
        except asyncio.CancelledError:
            if lane in self._lanes:
                self._lanes.remove(lane)
            elif lane.done() and not lane.cancelled():
                self._held -= 1
                lane.result().released()
                self.offer()
            raise

    def offer(self) -> None:
        """Give machines without work to lanes that wait, whichever: that is how Serve chooses them."""
        while self._lanes and (free := [machine for machine in self.machines if machine.is_free]):
            lane = self._lanes.popleft()
            if lane.done():
                continue
            machine = self.random.choice(free)
            machine.is_busy = True
            self._held += 1
            lane.set_result(machine)

    def refusal(self, job: Job) -> str:
        return ""

    def trouble(self) -> str:
        return ""

    async def _scale(self) -> None:
        """What Serve's controller does, once a second."""
        day, target = self.day, 0
        config = AutoscalingConfig(
            min_replicas=0,
            max_replicas=day.machines,
            target_ongoing_requests=day.target,
            upscale_delay_s=day.up,
            downscale_delay_s=day.down,
            downscale_to_zero_delay_s=day.to_zero,
        )
        state: dict[str, Any] = {}
        demands: deque[int] = deque(maxlen=max(round(day.look_back), 1))
        while True:
            demands.append(self._held + len(self._lanes))
            demand = statistics.fmean(demands)
            there = [machine for machine in self.machines if machine.is_wanted]
            if any(machine.is_ready for machine in there):
                desired = min(math.ceil(demand / day.target), day.machines)
                target, state = _apply_delay_logic(desired, target, config, state, self.clock())
            elif demand:
                target = max(target, 1)  # from nothing Serve starts one, at once, and others when that is ready
            self._become(target, there)
            await asyncio.sleep(1.0)

    def _become(self, target: int, there: list[_Machine]) -> None:
        for _ in range(target - len(there)):
            self.seen.starts += 1
            self.machines.append(_Machine(self, self.seen.starts))
        newest_first = sorted(there, key=lambda machine: (machine.is_ready, -machine.number))
        for machine in newest_first[: max(len(there) - target, 0)]:
            machine.stop()


class _Machine:
    """A machine with one worker."""

    def __init__(self, fleet: _Fleet, number: int) -> None:
        self._fleet, self._day, self._seen = fleet, fleet.day, fleet.seen
        self.number, self.name = number, f"machine {number}"
        lacks = fleet.random.random() < self._day.lacking
        self._lacking = f"{fleet.random.randrange(self._day.checkpoints)}.safetensors" if lacks else ""
        self._is_broken = number <= self._day.broken
        self._loaded = ""
        self.is_ready = self.is_busy = False
        self.is_wanted = True
        self._died, self._gone = asyncio.Event(), asyncio.Event()
        self.life = asyncio.create_task(self._live())

    @property
    def is_free(self) -> bool:
        return self.is_ready and self.is_wanted and not self.is_busy

    def stop(self) -> None:
        """Begin nothing any more, and go when nothing runs."""
        self.is_wanted = False
        if not self.is_busy:
            self._gone.set()

    def released(self) -> None:
        """Nothing runs on it."""
        self.is_busy = False
        if not self.is_wanted:
            self._gone.set()

    async def _live(self) -> None:
        born = self._fleet.clock()
        fate = asyncio.create_task(self._fate())
        try:
            await self._gone.wait()
        finally:
            fate.cancel()
            self._fleet.machines.remove(self)
            self._seen.rented += self._fleet.clock() - born

    async def _fate(self) -> None:
        await asyncio.sleep(self._day.cold)
        self.is_ready = True
        self._fleet.offer()
        await asyncio.sleep(self._fleet.random.expovariate(self._day.kills / HOUR))
        self._seen.kills += 1
        self.stop()
        await asyncio.sleep(self._day.notice)
        self._died.set()
        self._gone.set()

    def can_run(self, job: Job) -> bool:
        return self._lacking not in job.needs

    def has_loaded(self, job: Job) -> bool:
        return self._day.prefers_loaded and self._loaded in job.needs

    async def run(self, batch: Batch) -> Ended:
        day, jobs = self._day, batch.jobs
        self._note(batch)
        batch.at("3")
        await self._pass(day.overhead)
        if self._is_broken:
            self.stop()
            return Ended("error", batch.outputs, "3", "[Errno 28] No space left on device", "OSError")
        if self._loaded not in jobs[0].needs:
            self._seen.loads += 1
            await self._pass(day.load)
            (self._loaded,) = jobs[0].needs
        own = day.clip * (1 - day.fixed)
        await self._pass(day.clip * day.fixed + own * len(jobs) * (1 - SAVING))
        if any(job.prompt["2"]["inputs"]["file"] == POISON for job in jobs):
            self.stop()
            raise WorkerLost("its ComfyUI has died", "killed")
        for node_id, node in batch.merged.prompt.items():
            if node["class_type"] == _SAVE:
                await self._pass(own * SAVING)
                batch.shown(node_id, {"video": [{"filename": node["inputs"]["filename_prefix"]}]})
        return Ended("success", batch.outputs)

    def _note(self, batch: Batch) -> None:
        size, first = len(batch.jobs), batch.jobs[0]
        self._seen.sizes[size] += 1
        if size < min([self._day.batch, *(job.most for job in batch.jobs)]):
            left = [job for job in self._fleet.store.waiting() if job.key == first.key]
            next_ones = {job.client: job for job in reversed(left)}  # a client's jobs do not overtake each other
            self._seen.joinable += any(job.most > size for job in next_ones.values())

    async def _pass(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            WorkerLost: the machine is taken away in the meantime.
        """
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._died.wait(), seconds)
            self._seen.lost += 1
            await asyncio.sleep(self._day.unnoticed)
            raise WorkerLost("the machine does not answer")

    async def prepare(self, prompt: Prompt) -> None:
        pass

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        return False

    def deliver(self, job_id: str, run: str) -> None:
        self._seen.delivered[job_id] += 1
