"""While a batch is sampled, the next one is prepared."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.graph import Prompt
from frugal_motion.nodes.jobs import runner as running
from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.gather import Gathering, batch_key
from frugal_motion.nodes.jobs.job import Job
from frugal_motion.nodes.jobs.job_store import JobStore
from frugal_motion.nodes.jobs.outcome import Ended
from frugal_motion.nodes.jobs.runner import Runner

from .graphs import SAMPLER, SAVE, kinds, workflow
from .workers import OneWorker


class Machine(OneWorker):
    """Its first run stays at each of some nodes for many looks ahead; ``prepared`` says of which files, and where."""

    def __init__(self, *stays_at: str) -> None:
        self.stays_at = stays_at
        self.node = ""
        self.prepared: list[tuple[str, str]] = []
        self.ran: list[list[str]] = []
        self.at: Callable[[str], None] = lambda _: None
        self.notice: Callable[[], None] = lambda: None

    async def run(self, batch: Batch) -> Ended:
        self.ran.append([job.id for job in batch.jobs])
        for node_id, node in batch.merged.prompt.items():
            self.node = node["class_type"].replace("FrugalJobs", "FrugalKeyframe")
            if self.node in self.stays_at and len(self.ran) == 1:
                batch.at(node_id)
                self.at(self.node)
                self.notice()
                for _ in range(50):
                    await asyncio.sleep(0.001)
            if node["class_type"] == SAVE:
                batch.shown(node_id, {"images": []})
        self.node = ""
        return Ended("success", batch.outputs)

    async def prepare(self, prompt: Prompt) -> None:
        self.prepared.append((prompt["1"]["inputs"]["file"], self.node))
        await asyncio.sleep(0)

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        return False


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_LOOK_EVERY", 0.001)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def add(store: JobStore, *numbers: int, **values: Any) -> None:
    for number in numbers:
        prompt = workflow(f"{number}.mp4", prefix=f"jobs/{number}/x")
        store.add(Job(str(number), prompt, "a", batch_key(prompt, kinds), created=0.0, **values), 99, 99)


def begun(store: JobStore, machine: Machine, *, ahead: bool = True, clock: Callable[[], float] = lambda: 1e6) -> Runner:
    """A runner that has run one batch, of two jobs."""
    runner = Runner(store, machine, kinds, lambda: Gathering(2, 60.0, ahead), clock=clock)
    machine.notice = runner.notice
    asyncio.run(runner.run_one())
    assert machine.ran == [["0", "1"]]
    return runner


def test_the_next_batch_is_prepared_while_this_one_is_sampled(store: JobStore) -> None:
    add(store, 0, 1, 2, 3, 4)
    machine = Machine("FrugalLoadVideo", "FrugalPlanKeyframes", SAMPLER)
    runner = begun(store, machine)
    assert machine.prepared == [("2.mp4", SAMPLER), ("3.mp4", SAMPLER)], "each once, and only while sampling"
    asyncio.run(runner.run_one())
    assert machine.ran[1] == ["2", "3"], "those it has been for"


def test_a_batch_whose_window_is_open_is_prepared_and_one_who_joins_it_too(store: JobStore) -> None:
    add(store, 0, 1)
    machine = Machine(SAMPLER, SAVE)
    joining = [2, 3]
    machine.at = lambda _: add(store, joining.pop(0)) if joining else None
    begun(store, machine, clock=lambda: 59.0 if machine.ran else 61.0)
    assert machine.prepared == [("2.mp4", SAMPLER), ("3.mp4", SAVE)]


def test_a_queue_in_which_nothing_is_new_is_not_read_again(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, 0, 1, 2)
    reads, waiting = [], store.waiting
    monkeypatch.setattr(store, "waiting", lambda: reads.append(1) or waiting())
    begun(store, Machine(SAMPLER))
    assert len(reads) == 3, "for the batch, for the one job behind it, and to see that there is no other"


def test_nothing_is_prepared_beside_work_on_the_processor_or_against_the_setting(store: JobStore) -> None:
    add(store, 0, 1, 2)
    machine = Machine("FrugalLoadVideo", "FrugalPlanKeyframes")
    begun(store, machine)
    assert machine.prepared == []
    add(store, 3)
    machine = Machine(SAMPLER)
    asyncio.run(Runner(store, machine, kinds, lambda: Gathering(1), clock=lambda: 1e6).run_one())
    assert machine.ran == [["2"]] and machine.prepared == []


def test_a_job_that_is_cancelled_or_late_is_not_prepared(store: JobStore) -> None:
    add(store, 0, 1, 2)
    add(store, 3, deadline=10.0)
    add(store, 4)
    machine = Machine(SAMPLER)
    machine.at = lambda _: store.end("2", "cancelled", 9.0)
    now = iter([9.0])
    begun(store, machine, clock=lambda: next(now, 11.0))
    assert machine.prepared == [("4.mp4", SAMPLER)]
    assert store.find("3").state == "failed", "at once, not when the batch has ended"


@pytest.mark.parametrize("fails", ["store", "machine"])
def test_a_batch_does_not_suffer_from_what_is_ahead(
    store: JobStore, fails: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add(store, 0, 1, 2)
    machine = Machine(SAMPLER)

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    if fails == "machine":
        monkeypatch.setattr(machine, "prepare", full)
    else:
        machine.at = lambda _: monkeypatch.setattr(store, "waiting", full)
    begun(store, machine)
    assert [store.find(job).state for job in ("0", "1", "2")] == ["done", "done", "queued"]
    assert "the next jobs are not prepared" in caplog.text


def test_looking_ahead_ends_with_the_batch(store: JobStore) -> None:
    add(store, 0, 1, 2)
    machine = Machine(SAMPLER)
    stopped: list[str] = []

    async def endless(prompt: Prompt) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(prompt["1"]["inputs"]["file"])
            raise

    machine.prepare = endless  # type: ignore[method-assign]

    async def all_of_it() -> None:
        await Runner(store, machine, kinds, lambda: Gathering(2, 0.0, True), clock=lambda: 1e6).run_one()
        await asyncio.sleep(0)
        assert stopped == ["2.mp4"]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(all_of_it())
