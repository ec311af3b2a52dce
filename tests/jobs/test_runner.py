"""All jobs end, whatever happens to their runs."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.jobs.batch import Batch
from frugal_motion.nodes.jobs.gather import Gathering, batch_key
from frugal_motion.nodes.jobs.job import ENDED, Job
from frugal_motion.nodes.jobs.job_store import MOST_CRASHES, JobStore
from frugal_motion.nodes.jobs.outcome import LEFT_OUT, Ended
from frugal_motion.nodes.jobs.runner import Runner

from .graphs import kinds, workflow
from .workers import OneWorker


class Died(BaseException):
    """As if the process had been killed."""


@dataclass
class Machine(OneWorker):
    """Runs prompts as ComfyUI would, without doing anything.

    What is wrong with a clip stands in its file's name: ``broken``, ``left out``, ``large`` (does not fit beside
    others), ``poison`` (kills the process).
    """

    random: Random
    accidents: float
    dies_after_saving: str = ""
    made: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    sizes: list[int] = field(default_factory=list)

    def clear(self, job: Job) -> None:
        self.made[job.id] = 0

    async def run(self, batch: Batch) -> Ended:
        self.runs += 1
        self.sizes.append(len(batch.jobs))
        files = {place: job.prompt["1"]["inputs"]["file"] for place, job in enumerate(batch.jobs)}
        for node_id, node in batch.merged.prompt.items():
            batch.at(node_id)
            await asyncio.sleep(0)
            self._accident()
            if node["class_type"] == "FrugalLoadVideo" and "broken" in node["inputs"]["file"]:
                return Ended("error", batch.outputs, node_id, "broken file", "InputError")
            if "Sampler" in node["class_type"]:
                if any("poison" in file for file in files.values()):
                    raise Died
                if len(files) > 1 and any("large" in file for file in files.values()):
                    return Ended("error", batch.outputs, node_id, "no memory", "torch.OutOfMemoryError")
                left_out = [place for place, file in files.items() if "left out" in file]
                if len(left_out) == len(files):
                    return Ended("error", batch.outputs, node_id, "cannot be sampled", "InputError")
                batch.outputs[node_id] = {
                    LEFT_OUT: [{"place": place, "error": "cannot be sampled"} for place in left_out]
                }
            if node["class_type"] == "FrugalSaveVideo":
                (place,) = batch.merged.owners[node_id]
                if "left out" not in files[place]:
                    self.made[batch.jobs[place].id] += 1
                    if batch.jobs[place].id == self.dies_after_saving:
                        self.dies_after_saving = ""
                        raise Died
                    batch.shown(node_id, {"images": [{"filename": node["inputs"]["filename_prefix"]}]})
        return Ended("success", batch.outputs)

    def _accident(self) -> None:
        if self.random.random() < self.accidents:
            raise Died

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        return False


def work(folder: Path, jobs: list[Job], machine: Machine, most: int = 4, store: JobStore | None = None) -> JobStore:
    """Until all have ended, over as many processes as it takes."""
    path = folder / "jobs.sqlite"
    store = store or JobStore(path)
    for job in jobs:
        store.add(job, 99, 99)
    for _ in range(500):
        runner = Runner(store, machine, kinds, lambda: Gathering(most), clock=lambda: 1e6)  # no window is open
        for one in store.running():
            machine.clear(one)
        runner.recover()
        try:
            while store.waiting():
                asyncio.run(runner.run_one())
            return store
        except Died:
            store.close()
            store = JobStore(path)
    raise AssertionError("some jobs never end")


def job(number: int, file: str, client: str = "a") -> Job:
    prompt = workflow(file, prefix=f"jobs/{number}/x")
    return Job(str(number), prompt, client, batch_key(prompt, kinds), created=0.0)


def job_states(store: JobStore) -> dict[str, str]:
    return {job.id: job.state for job in store.newest(99)}


FATES = st.sampled_from(["fine", "fine", "fine", "broken", "left out", "large", "poison"])


@settings(max_examples=60)
@given(st.lists(st.tuples(FATES, st.sampled_from("abc")), min_size=1, max_size=12), st.integers(0, 2**32))
def test_nothing_is_lost_nothing_is_doubled_and_faults_stay_with_their_jobs(drawn: list, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        jobs = [job(number, f"{fate} {number}.mp4", client) for number, (fate, client) in enumerate(drawn)]
        # One of 200 nodes: five accidents of one job, after which it is given up, are one in a million.
        machine = Machine(Random(seed), 0.0005)
        store = work(Path(folder), jobs, machine)
        for number, (fate, _) in enumerate(drawn):
            ended = store.find(str(number))
            if fate in ("fine", "large"):
                assert ended.state == "done", (fate, ended.error)
                (output,) = ended.outputs
                assert output["data"]["images"] == [{"filename": f"jobs/{number}/x"}], "its own file"
                assert machine.made[str(number)] == 1, "and no second one"
            else:
                words = {"broken": "broken file", "left out": "cannot be sampled", "poison": "without an outcome"}
                assert ended.state == "failed" and words[fate] in ended.error, (fate, ended.error)
            assert ended.state in ENDED
        store.close()


def test_good_jobs_share_runs_and_are_made_once(tmp_path: Path) -> None:
    machine = Machine(Random(1), 0.0)
    store = work(tmp_path, [job(n, f"{n}.mp4") for n in range(9)], machine)
    assert machine.sizes == [4, 4, 1]
    assert set(machine.made.values()) == {1} and len(machine.made) == 9
    store.close()


def test_one_that_does_not_fit_is_found_by_halving(tmp_path: Path) -> None:
    machine = Machine(Random(1), 0.0)
    store = work(tmp_path, [job(n, "large.mp4" if n == 2 else f"{n}.mp4") for n in range(4)], machine)
    assert machine.sizes == [4, 2, 2, 1, 1]
    assert set(job_states(store).values()) == {"done"}
    store.close()


def test_one_that_kills_the_process_is_given_up(tmp_path: Path) -> None:
    machine = Machine(Random(1), 0.0)
    store = work(tmp_path, [job(0, "poison.mp4"), job(1, "fine.mp4")], machine)
    assert job_states(store) == {"0": "failed", "1": "done"}
    assert machine.runs == MOST_CRASHES + 1 and machine.sizes[:3] == [2, 2, 1]
    assert machine.made["1"] == 1
    store.close()


def test_what_a_dead_process_has_saved_but_not_told_is_not_there_twice(tmp_path: Path) -> None:
    machine = Machine(Random(1), 0.0, dies_after_saving="1")
    store = work(tmp_path, [job(n, f"{n}.mp4") for n in range(3)], machine)
    assert set(job_states(store).values()) == {"done"}
    assert machine.made == {"0": 1, "1": 1, "2": 1} and machine.sizes == [3, 2], "the first was told, and is not redone"
    store.close()


def test_a_job_that_is_late_does_not_begin(tmp_path: Path) -> None:
    store, machine = JobStore(tmp_path / "jobs.sqlite"), Machine(Random(1), 0.0)
    late = job(0, "fine.mp4")
    store.add(Job(**{**vars(late), "deadline": 10.0}), 9, 9)
    runner = Runner(store, machine, kinds, lambda: Gathering(4), clock=lambda: 11.0)
    asyncio.run(runner.run_one())
    assert store.find("0").state == "failed" and "deadline" in store.find("0").error
    assert machine.runs == 0


def test_what_a_run_has_cost_may_be_known_before_its_end_is(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")

    class Billed(Machine):
        async def run(self, batch: Batch) -> Ended:
            ended = await super().run(batch)
            runner.charge(batch.run, [("6", {"device": "cpu", "gpu_seconds": 0.0, "seconds": 4.0})], 0.0)
            return ended

    for number in range(2):
        store.add(job(number, f"{number}.mp4"), 9, 9)
    runner = Runner(store, Billed(Random(1), 0.0), kinds, lambda: Gathering(4), clock=lambda: 99)
    asyncio.run(runner.run_one())
    assert [one.cost["seconds"] for one in store.newest(9)] == [2.0, 2.0]


def test_no_job_is_left_running_when_the_store_fails(tmp_path: Path) -> None:
    store, machine = JobStore(tmp_path / "jobs.sqlite"), Machine(Random(1), 0.0)
    for number in range(3):
        store.add(job(number, f"broken {number}.mp4"), 9, 9)
    end, fails = store.end, [1]

    def full(*args: Any, **more: Any) -> bool:
        if fails and args[0] == "1":
            raise sqlite3.OperationalError(f"database or disk is full {fails.pop()}")
        return end(*args, **more)

    store.end = full  # type: ignore[method-assign]
    runner = Runner(store, machine, kinds, lambda: Gathering(1), clock=lambda: 99)

    async def kept_up() -> None:
        with pytest.raises(sqlite3.OperationalError):
            await runner.run()
        with suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(runner.run(), 0.5)

    asyncio.run(kept_up())
    assert set(job_states(store).values()) == {"failed"}
    assert [one.crashes for one in store.newest(9)] == [0, 1, 0]


def test_lanes_of_cancelled_jobs_are_given_up_and_later_jobs_run(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")

    async def work() -> None:
        is_free = asyncio.Event()
        waiting: list[int] = []

        class Busy(Machine):
            most = 3

            @asynccontextmanager
            async def free(self) -> AsyncIterator[Any]:
                waiting.append(1)
                try:
                    await is_free.wait()
                finally:
                    waiting.pop()
                yield self

        async def until(is_so: Callable[[], bool]) -> None:
            while not (is_so() or running.done()):
                await asyncio.sleep(0.01)

        runner = Runner(store, Busy(Random(1), 0.0), kinds, lambda: Gathering(1))
        running = asyncio.create_task(runner.run())
        await until(lambda: len(waiting) == 2)
        assert runner.cancel("0")
        runner.notice()
        await until(lambda: len(waiting) == 1)
        is_free.set()
        await until(lambda: not (store.waiting() or store.running()))
        assert not running.done()
        running.cancel()

    for number in range(2):
        store.add(job(number, f"{number}.mp4"), 9, 9)
    asyncio.run(asyncio.wait_for(work(), 60))
    assert job_states(store) == {"0": "cancelled", "1": "done"}


@pytest.mark.parametrize("turns", range(4))
def test_it_stops_also_when_there_is_news_at_that_moment(tmp_path: Path, turns: int) -> None:
    runner = Runner(JobStore(tmp_path / "jobs.sqlite"), Machine(Random(1), 0.0), kinds, lambda: Gathering(1))

    async def stopped_with_news() -> bool:
        running = asyncio.create_task(runner.run())
        await asyncio.sleep(0.05)
        runner.notice()
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running], timeout=5)
        return running.cancelled()

    assert asyncio.run(stopped_with_news())


def test_two_who_leave_a_batch_that_waits_do_not_count_as_its_crash(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")

    class Waiting(Machine):
        there = True

        async def run(self, batch: Batch) -> Ended:
            if self.runs:
                return await super().run(batch)
            self.runs += 1
            assert runner.cancel("0") and runner.cancel("1")
            return Ended("lost")

        def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
            was, self.there = self.there, False
            return was

    for number in range(3):
        store.add(job(number, f"{number}.mp4"), 9, 9)
    runner = Runner(store, Waiting(Random(1), 0.0), kinds, lambda: Gathering(4), clock=lambda: 99)
    asyncio.run(runner.run_one())
    assert (store.find("2").state, store.find("2").crashes) == ("queued", 0)
    asyncio.run(runner.run_one())
    assert job_states(store) == {"0": "cancelled", "1": "cancelled", "2": "done"}


def test_who_clears_the_queue_again_and_again_fails_no_job(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")

    class Cleared(Machine):
        async def run(self, batch: Batch) -> Ended:
            if self.runs > 2 * MOST_CRASHES:
                return await super().run(batch)
            self.runs += 1
            return Ended("lost")

    store.add(job(0, "fine.mp4"), 9, 9)
    work(tmp_path, [], machine := Cleared(Random(1), 0.0), store=store)
    assert (store.find("0").state, store.find("0").crashes) == ("done", 0) and machine.made["0"] == 1


def test_a_run_that_is_stopped_was_a_turn(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    began: list[str] = []

    class Stopped(Machine):
        async def run(self, batch: Batch) -> Ended:
            began.append(batch.jobs[0].id)
            if batch.jobs[0].client == "greedy":
                batch.at(next(iter(batch.merged.prompt)))
                assert runner.cancel(batch.jobs[0].id)
                return Ended("stopped")
            return await super().run(batch)

        def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
            return even_if_running

    for number, client in enumerate(("greedy", "greedy", "modest")):
        store.add(job(number, f"{number}.mp4", client), 9, 9)
    runner = Runner(store, Stopped(Random(1), 0.0), kinds, lambda: Gathering(1), clock=lambda: 99)
    for _ in range(2):
        asyncio.run(runner.run_one())
    assert began == ["0", "2"]


def test_cancelling(tmp_path: Path) -> None:
    store, machine = JobStore(tmp_path / "jobs.sqlite"), Machine(Random(1), 0.0)
    for number in range(3):
        store.add(job(number, f"{number}.mp4"), 9, 9)
    told: list[tuple[str, str]] = []
    runner = Runner(
        store, machine, kinds, lambda: Gathering(4), lambda one: told.append((one.id, one.state)), lambda: 99
    )
    assert runner.cancel("0") and not runner.cancel("0") and not runner.cancel("nobody")

    async def cancelled_on_the_way() -> None:
        running = asyncio.create_task(runner.run_one())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert runner.cancel("2")
        await running

    asyncio.run(cancelled_on_the_way())
    assert job_states(store) == {"0": "cancelled", "1": "done", "2": "cancelled"}
    assert store.find("2").outputs == [], "what came out is dropped"
    assert told[0] == ("0", "cancelled") and told.count(("1", "done")) == 1


class Busy(Machine):
    """As if prompts of the editor were before the first batch, until it is taken back; knows the places of all."""

    def __init__(self, arrives: Callable[[], None] = lambda: None) -> None:
        super().__init__(Random(1), 0.0)
        self.places: list[float | None] = []
        self.arrives, self.standing = arrives, None

    async def run(self, batch: Batch) -> Ended:
        self.places.append(batch.place)
        if len(self.places) > 1:
            return await super().run(batch)
        self.standing = batch
        self.arrives()
        for _ in range(50):
            await asyncio.sleep(0)
            if batch.withdrawn:
                return Ended("lost")
        return await super().run(batch)

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        assert not even_if_running and batch is self.standing
        self.standing.place = 7
        return True


def test_a_job_that_is_late_before_its_run_has_begun_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = JobStore(tmp_path / "jobs.sqlite"), iter(range(100, 200))
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0)

    for number, deadline in ((0, 110.0), (1, None)):
        store.add(replace(job(number, f"{number}.mp4"), deadline=deadline), 9, 9)
    runner = Runner(store, Busy(), kinds, lambda: Gathering(4), clock=lambda: next(now))
    while store.waiting():
        asyncio.run(runner.run_one())
    assert job_states(store) == {"0": "failed", "1": "done"}
    assert "deadline" in store.find("0").error and store.find("1").crashes == 0


@pytest.mark.parametrize(
    ("files", "arriving", "sizes", "places"),
    [
        (["0.mp4"], ["1.mp4", "2.mp4"], [3], [None, 7]),
        (["0.mp4", "1.mp4"], ["2.mp4", "3.mp4", "4.mp4"], [4, 1], [None, 7, None]),
        (["0.mp4", "1.mp4", "2.mp4", "3.mp4"], ["4.mp4"], [4, 1], [None, None]),
        (["0.mp4"], ["no such key"], [1, 1], [None, None]),
    ],
)
def test_jobs_join_a_batch_that_stands_behind_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list, arriving: list, sizes: list, places: list
) -> None:
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0)
    store = JobStore(tmp_path / "jobs.sqlite")

    def add(some: list[str]) -> None:
        for file in some:
            number = len(store.newest(9))
            one = job(number, file, client=str(number))
            store.add(one if file.endswith(".mp4") else replace(one, key="other"), 9, 9)

    add(files)
    machine = Busy(lambda: add(arriving))
    runner = Runner(store, machine, kinds, lambda: Gathering(4), clock=lambda: 99)
    while store.waiting():
        asyncio.run(runner.run_one())
    assert machine.sizes == sizes and machine.places == places, "with others, but at its old place"
    assert set(job_states(store).values()) == {"done"} and {one.crashes for one in store.newest(9)} == {0}


def test_a_batch_that_was_taken_back_had_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0)
    store = JobStore(tmp_path / "jobs.sqlite")
    began: list[str] = []

    def arrive() -> None:
        store.add(job(1, "1.mp4", "a"), 9, 9)
        store.add(replace(job(2, "2.mp4", "b"), key="other"), 9, 9)

    store.add(job(0, "0.mp4", "a"), 9, 9)
    machine = Busy(arrive)
    runner = Runner(
        store, machine, kinds, lambda: Gathering(4), lambda one: began.append(f"{one.id} {one.state}"), lambda: 99
    )
    while store.waiting():
        asyncio.run(runner.run_one())
    assert machine.places == [None, 7, None] and machine.sizes == [2, 1], "a's jobs are first, as they came first"
    assert began.index("1 running") < began.index("2 running")


def test_a_run_that_has_begun_is_not_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = JobStore(tmp_path / "jobs.sqlite"), iter(range(100, 200))
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0)

    asked: list[str] = []

    class Slow(Machine):
        async def run(self, batch: Batch) -> Ended:
            batch.at("1")
            for _ in range(20):
                await asyncio.sleep(0)
            return await super().run(batch)

        def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
            asked.append(batch.run)
            return False

    store.add(replace(job(0, "0.mp4"), deadline=110.0), 9, 9)
    asyncio.run(Runner(store, Slow(Random(1), 0.0), kinds, lambda: Gathering(1), clock=lambda: next(now)).run_one())
    assert job_states(store) == {"0": "done"} and asked == []
