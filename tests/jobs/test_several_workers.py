"""Several workers: batches side by side, and whose fault it is that one is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.faults import MOST_WORKERS
from frugal_motion.nodes.jobs.gather import Gathering, batch_key
from frugal_motion.nodes.jobs.job import ENDED, Job
from frugal_motion.nodes.jobs.job_store import MOST_CRASHES, JobStore
from frugal_motion.nodes.jobs.outcome import Ended
from frugal_motion.nodes.jobs.runner import Runner
from frugal_motion.nodes.jobs.workers import WorkerLost

from .graphs import SAVE, kinds, workflow
from .workers import OneWorker


class Machine(OneWorker):
    """One of several; what befalls it is what ``fate`` says of a batch: an end, a loss, or ``None`` for success."""

    def __init__(
        self, name: str, fate: Callable[[str, Batch], Any] = lambda *_: None, models: str = "one.ckpt"
    ) -> None:
        self.name, self.fate, self.models, self.loaded = name, fate, models, ""
        self.ran: list[list[str]] = []
        self.delivered: list[str] = []
        self.is_here = True

    def can_run(self, job: Job) -> bool:
        return all(need in self.models for need in job.needs) and self.name not in {t.worker for t in job.troubles}

    def has_loaded(self, job: Job) -> bool:
        return bool(job.needs) and self.loaded == job.needs[0]

    async def run(self, batch: Batch) -> Ended:
        self.ran.append([job.id for job in batch.jobs])
        self.loaded = next(iter(batch.jobs[0].needs), "")
        for node_id in batch.merged.prompt:
            batch.at(node_id)
            await asyncio.sleep(0)
        fate = self.fate(self.name, batch)
        if isinstance(fate, Exception):
            self.is_here = False
            raise fate
        if fate:
            return fate
        for node_id, node in batch.merged.prompt.items():
            if node["class_type"] == SAVE:
                batch.shown(node_id, {"images": []})
        return Ended("success", batch.outputs)

    def deliver(self, job_id: str, run: str) -> None:
        self.delivered.append(job_id)


@dataclass
class Fleet:
    """Machines; in place of one that is lost comes another, of the next name."""

    machines: list[Machine]
    most: int = 4
    outlive_us: bool = True
    asked: int = 0
    gone: list[Machine] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def free(self) -> AsyncIterator[Machine]:
        self.asked += 1
        try:
            while not (there := [one for one in self.machines if one.name not in self.busy]):
                await asyncio.sleep(0)
            machine = there[0]
            self.busy.add(machine.name)
        finally:
            self.asked -= 1
        try:
            yield machine
        finally:
            self.busy.discard(machine.name)
            self.machines.remove(machine)
            if machine.is_here:
                self.machines.append(machine)  # the one that has rested longest is next
            else:
                self.gone.append(machine)
                self.machines.append(Machine(f"{machine.name}'", machine.fate, machine.models))

    def refusal(self, job: Job) -> str:
        return "" if not self.machines or any(one.can_run(job) for one in self.machines) else "no worker can run it"

    def trouble(self) -> str:
        return ""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0.001)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def add(store: JobStore, *files: str, model: str = "one.ckpt", **more: Any) -> None:
    for file in files:
        prompt = workflow(file, model=model, prefix=f"jobs/{file}/x")
        store.add(replace(Job(file, prompt, "a", batch_key(prompt, kinds), 0.0, needs=[model]), **more), 99, 99)


async def until(runner: Runner, holds: Callable[[], bool]) -> None:
    running = asyncio.create_task(runner.run())
    for _ in range(20_000):
        if holds() or running.done():
            break
        await asyncio.sleep(0)
    assert holds(), "it never comes to that"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def all_ended(store: JobStore) -> Callable[[], bool]:
    return lambda: all(job.state in ENDED for job in store.newest(99))


def work(store: JobStore, fleet: Fleet, most: int = 2, window: float = 0.0, now: float = 1e6) -> Runner:
    runner = Runner(store, fleet, kinds, lambda: Gathering(most, window), clock=lambda: now)
    asyncio.run(until(runner, all_ended(store)))
    return runner


def states(store: JobStore) -> dict[str, str]:
    return {job.id: job.state for job in store.newest(99)}


def test_batches_run_side_by_side_and_each_job_once(store: JobStore) -> None:
    add(store, *"abcdefgh")
    fleet = Fleet([Machine("x"), Machine("y")])
    together: list[int] = []
    fleet.machines[0].fate = lambda *_: together.append(len(fleet.busy))
    work(store, fleet)
    x, y = sorted(fleet.machines, key=lambda one: one.name)
    assert set(states(store).values()) == {"done"}
    assert sorted(x.delivered + y.delivered) == list("abcdefgh") and x.ran and y.ran
    assert {len(batch) for batch in x.ran + y.ran} == {2} and together[0] == 2


def test_there_is_demand_for_ripe_batches_alone(store: JobStore) -> None:
    add(store, "a", "b", "c", created=100.0)
    add(store, "d", created=100.0, key="other")
    fleet = Fleet([])
    runner = Runner(store, fleet, kinds, lambda: Gathering(2, 60.0), clock=lambda: 101.0)
    asyncio.run(until(runner, lambda: fleet.asked == 1))
    assert fleet.asked == 0 and set(states(store).values()) == {"queued"}, "one batch is full; two may still grow"


def test_lanes_of_jobs_that_were_cancelled_let_go(store: JobStore) -> None:
    add(store, *"abcd")
    fleet = Fleet([])
    runner = Runner(store, fleet, kinds, lambda: Gathering(2), clock=lambda: 1e6)

    async def all_of_it() -> None:
        running = asyncio.create_task(runner.run())
        for asked, cancelled in ((2, ()), (1, "ab"), (0, "cd")):
            for job in cancelled:
                assert runner.cancel(job)
            for _ in range(100):
                await asyncio.sleep(0.001)
            assert fleet.asked == asked
        running.cancel()

    asyncio.run(all_of_it())


def test_jobs_join_until_a_worker_is_free(store: JobStore) -> None:
    add(store, "a")
    fleet = Fleet([])
    runner = Runner(store, fleet, kinds, lambda: Gathering(4), clock=lambda: 1e6)

    def ended() -> bool:
        if fleet.asked and not fleet.machines:
            add(store, "b", "c")
            fleet.machines.append(Machine("late"))
        return all_ended(store)()

    asyncio.run(until(runner, ended))
    assert fleet.machines[0].ran == [["a", "b", "c"]]


def test_a_machine_that_is_lost_counts_against_no_job(store: JobStore) -> None:
    add(store, *"abcd")
    left = [3 * MOST_CRASHES]

    def fate(*_: Any) -> Any:
        left[0] -= 1
        return WorkerLost("the spot machine was taken", "machine") if left[0] >= 0 else None

    fleet = Fleet([Machine("x", fate), Machine("y", fate)])
    work(store, fleet)
    assert set(states(store).values()) == {"done"} and len(fleet.gone) == 3 * MOST_CRASHES
    assert all((job.crashes, job.troubles, job.most > 2) == (0, [], True) for job in store.newest(9))


def test_one_that_kills_three_workers_is_quarantined_with_its_story(store: JobStore) -> None:
    add(store, "poison", "b", "c", "d")

    def fate(name: str, batch: Batch) -> Any:
        is_there = any(job.id == "poison" for job in batch.jobs)
        return WorkerLost(f"ComfyUI of {name} ended with -9", "killed") if is_there else None

    fleet = Fleet([Machine("x", fate), Machine("y", fate)])
    work(store, fleet)
    assert states(store) == {"poison": "failed", "b": "done", "c": "done", "d": "done"}
    error = store.find("poison").error
    assert error.startswith("quarantined") and error.count("ended with -9") == MOST_WORKERS
    alone = [batch for one in (*fleet.gone, *fleet.machines) for batch in one.ran if batch == ["poison"]]
    assert len(alone) == MOST_WORKERS, "and no innocent ran with it after the first time"
    assert [trouble.alone for trouble in store.find("b").troubles] == [False]


def test_what_one_worker_cannot_do_another_does_and_the_job_stays_in_its_batch(store: JobStore) -> None:
    add(store, "a", "b")
    full = Ended("error", {}, "8", "[Errno 28] No space left on device", "OSError")
    fleet = Fleet([Machine("full", lambda *_: full), Machine("fine")], most=1)
    work(store, fleet)
    assert set(states(store).values()) == {"done"}
    assert [(one.name, one.ran) for one in sorted(fleet.machines, key=lambda one: one.name)] == [
        ("fine", [["a", "b"]]),
        ("full", [["a", "b"]]),
    ]


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended("error", {}, "6", "CUDA error: device-side assert triggered", "AcceleratorError"), "failed on x"),
        (Ended("refused", {}, "2", "Value not in list: ckpt_name"), "refused by x"),
    ],
)
def test_a_job_that_no_worker_can_do_fails_with_what_each_has_said(store: JobStore, ended: Ended, words: str) -> None:
    add(store, "bad", key="")
    fleet = Fleet([Machine(name, lambda *_: ended) for name in "xyz"], most=1)
    work(store, fleet)
    error = store.find("bad").error
    assert states(store) == {"bad": "failed"} and words in error and error.count(ended.error) == 3


def test_a_fault_of_the_job_is_none_of_the_worker(store: JobStore) -> None:
    add(store, "a", key="")
    broken = Ended("error", {}, "1", "broken file", "InputError")
    memory = Ended("error", {}, "6", "CUDA error: out of memory", "torch.OutOfMemoryError")
    quoted = Ended("error", {}, "1", "file: found 'CUDA error: no space left on device.mp4'", "pack.errors.InputError")
    alike = Ended("error", {}, "1", "/input/ship errors nvmlike.mp4", "OSError")
    for one in (broken, memory, quoted, alike):
        fleet = Fleet([Machine("x", lambda *_, one=one: one), Machine("y")])
        work(store, fleet)
        assert states(store)["a"] == "failed" and one.error in store.find("a").error
        store.forget(1e9)
        add(store, "a", key="")


def test_a_batch_that_is_refused_for_one_job_is_no_trouble_of_the_others(store: JobStore) -> None:
    add(store, "a", "bad", "c")

    def fate(name: str, batch: Batch) -> Ended | None:
        bad = [place for place, job in enumerate(batch.jobs) if job.id == "bad"]
        return Ended("refused", {}, f"1~{bad[0] + 1}" if len(batch.jobs) > 1 else "1", "no file bad") if bad else None

    fleet = Fleet([Machine(name, fate) for name in "xyz"], most=1)
    work(store, fleet)
    assert states(store) == {"a": "done", "bad": "failed", "c": "done"}
    assert store.find("a").troubles == [] and store.find("a").most > 1
    assert store.find("bad").error.count("no file bad") == MOST_WORKERS


def test_a_disk_of_the_gateway_that_is_full_for_a_moment_fails_no_job(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, "a", key="")
    end, failures = store.end, [sqlite3.OperationalError("database or disk is full")]

    def fails_once(*given: Any, **more: Any) -> bool:
        if failures:
            raise failures.pop()
        return end(*given, **more)

    monkeypatch.setattr(store, "end", fails_once)
    fleet = Fleet([Machine("x")])
    work(store, fleet)
    assert states(store) == {"a": "done"} and fleet.machines[0].ran == [["a"]] and not failures


def test_batches_go_where_the_model_is_and_first_where_it_is_loaded(store: JobStore) -> None:
    for number in range(4):
        add(store, f"one {number}", model="one.ckpt", created=number * 2.0)
        add(store, f"two {number}", model="two.ckpt", created=number * 2.0 + 1)
    fleet = Fleet([Machine("x", models="one.ckpt two.ckpt"), Machine("y", models="two.ckpt")], most=1)
    work(store, fleet, most=1, now=10.0)
    x, y = sorted(fleet.machines, key=lambda one: one.name)
    assert all(job.startswith("two") for batch in y.ran for job in batch)
    assert [job[:3] for (job,) in x.ran] == ["one"] * 4, "it has loaded that, and need not load another"


def test_nobody_is_overtaken_for_long(store: JobStore) -> None:
    for number in range(3):
        add(store, f"one {number}", model="one.ckpt", created=number * 100.0)
        add(store, f"two {number}", model="two.ckpt", created=number * 100.0 + 1)
    fleet = Fleet([Machine("x", models="one.ckpt two.ckpt")], most=1)
    work(store, fleet, most=1, now=1000.0)
    assert [job for (job,) in fleet.machines[0].ran] == ["one 0", "two 0", "two 1", "one 1", "one 2", "two 2"]


def test_a_gateway_that_comes_back_blames_no_job(store: JobStore) -> None:
    add(store, "a")
    for _ in range(2 * MOST_CRASHES):
        store.begin(["a"], 1.0, "run")
        Runner(store, Fleet([]), kinds, lambda: Gathering(2)).recover()
    assert (store.find("a").state, store.find("a").crashes, store.find("a").most > 1) == ("queued", 0, True)


def test_files_that_cannot_be_put_in_place_stop_no_other_batch(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._PAUSE", 0.01)
    add(store, "a", "b", key="")
    quiet = Ended("success", {"8": {"images": []}})  # nothing is told on the way
    full = Machine("full", lambda *_: quiet)
    failures = [OSError(28, "No space left on device")]

    def deliver(job_id: str, run: str) -> None:
        if failures:
            raise failures.pop()
        full.delivered.append(job_id)

    full.deliver = deliver  # type: ignore[method-assign]
    work(store, Fleet([full, Machine("fine")]))
    assert set(states(store).values()) == {"done"} and not failures
    assert {job.crashes for job in store.newest(9)} == {0}


def test_a_run_that_is_not_the_last_one_is_not_heard(store: JobStore) -> None:
    add(store, "a")

    def taken_over(name: str, batch: Batch) -> None:
        if name == "slow":  # another run has begun meanwhile, as after a partition
            store.again("a", 2.0)
            store.begin(["a"], 3.0, "another run")

    fleet = Fleet([slow := Machine("slow", taken_over)])
    asyncio.run(Runner(store, fleet, kinds, lambda: Gathering(2), clock=lambda: 1e6).run_one())
    assert (store.find("a").state, store.find("a").run, slow.delivered) == ("running", "another run", [])
