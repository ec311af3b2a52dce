"""The workers of a fleet as the runner of jobs sees them: the link to the cluster is a stand-in, the files are real."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frugal_motion.nodes.fleet import gateway
from frugal_motion.nodes.fleet.about import About
from frugal_motion.nodes.fleet.files import Files
from frugal_motion.nodes.fleet.gateway import FleetWorkers, Place
from frugal_motion.nodes.fleet.ledger import Ledger
from frugal_motion.nodes.fleet.link import FleetState, Seen
from frugal_motion.nodes.fleet.order import Order
from frugal_motion.nodes.jobs.gather import Gathering, batch_key
from frugal_motion.nodes.jobs.job import ENDED, Job
from frugal_motion.nodes.jobs.job_store import JobStore
from frugal_motion.nodes.jobs.runner import Runner
from frugal_motion.nodes.jobs.workers import WorkerLost

from ..jobs.graphs import kinds, workflow

Answer = Callable[[Order, "Cluster"], AsyncIterator[dict[str, Any]]]
WORKER = About("w1", pack="1", models=frozenset({"one.ckpt"}), price=0.5)


class Cluster:
    """A link with workers that answer as they are told: how many slots are held, and how many were let go."""

    def __init__(self, files: Files, answer: Answer, *workers: About) -> None:
        self.files, self.answer = files, answer
        self.workers = list(workers or [WORKER])
        self.orders: list[Order] = []
        self.held = self.let_go = 0
        self.state = FleetState(True, "", tuple(map(Seen, self.workers)))

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[Lane]:
        self.held += 1
        try:
            yield Lane(self)
        finally:
            self.held -= 1


class Lane:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    async def free(self) -> About:
        self.cluster.workers.append(about := self.cluster.workers.pop(0))
        return about

    def let_go(self) -> None:
        self.cluster.let_go += 1

    async def run(self, order: Order) -> AsyncIterator[dict[str, Any]]:
        self.cluster.orders.append(order)
        async for line in self.cluster.answer(order, self.cluster):
            yield line


class Gateway:
    """All of it in a folder."""

    def __init__(self, folder: Path, answer: Answer, *workers: About) -> None:
        (folder / "input").mkdir(exist_ok=True)
        self.outputs, url = folder / "output", (folder / "files").as_uri()
        self.outputs.mkdir(exist_ok=True)
        self.files, self.records = Files(url), []
        self.cluster = Cluster(self.files, answer, *workers)
        self.ledger = Ledger(folder / "fleet.sqlite")
        self.inputs = folder / "input"
        place = Place("1", self.outputs, url, self.named, sha256, self.records.append)
        self.workers = FleetWorkers(self.cluster, self.files, self.ledger, place)
        self.store = JobStore(folder / "jobs.sqlite")
        self.runner = Runner(self.store, self.workers, kinds, lambda: Gathering(2))

    def named(self, prompt: Any) -> Any:
        name = prompt["1"]["inputs"]["file"]
        return prompt, {name: self.inputs / name}

    def add(self, *names: str, model: str = "one.ckpt") -> None:
        for name in names:
            (self.inputs / name).write_bytes(name.encode())
            job_id = name.partition(".")[0]
            prompt = workflow(name, prefix=f"jobs/{job_id}/x", model=model)
            self.store.add(Job(job_id, prompt, "a", batch_key(prompt, kinds), 0.0, needs=[model]), 99, 99)

    def work(self, seconds: float = 20) -> None:
        def is_over() -> bool:  # a job may be done before its batch is
            return all(job.state in ENDED for job in self.store.newest(99)) and not self.cluster.held

        async def until_all_have_ended() -> None:
            running = asyncio.create_task(self.runner.run())
            while not (running.done() or is_over()):
                await asyncio.sleep(0.01)
            running.cancel()

        asyncio.run(asyncio.wait_for(until_all_have_ended(), seconds))

    def left(self) -> list[str]:
        return sorted(path.relative_to(self.outputs).as_posix() for path in self.outputs.rglob("*") if path.is_file())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def done(order: Order, cluster: Cluster, made: str = "whole") -> AsyncIterator[dict[str, Any]]:
    """What a worker says that makes a file for each job."""
    several = len(order.jobs) > 1
    yield {"at": "1~1" if several else "1", "value": 0, "max": 0}
    outputs = {}
    for place, job in enumerate(order.jobs):
        path = Path(cluster.files._url.removeprefix("file://")).parent / "made.bin"
        path.write_bytes(f"{made} {job}".encode())
        cluster.files.put_output(job, order.run, "x_00001_.mp4", path)
        shown = {"images": [{"filename": "x_00001_.mp4", "subfolder": f"jobs/{job}", "type": "output"}]}
        node = f"8~{place + 1}" if several else "8"
        outputs[node] = shown
        yield {"shown": node, "output": shown}
    record = {"price": 0.5, "nodes": [], "stages": []}
    yield {"ended": {"status": "success", "outputs": outputs, "node": "", "error": "", "kind": ""}, "record": record}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.jobs.runner._LOOK_EVERY", 0.01)
    monkeypatch.setattr(gateway, "_PAUSE", 0.05)


def test_files_go_there_and_come_back_and_nothing_else_stays(tmp_path: Path) -> None:
    here = Gateway(tmp_path, done)
    here.add("a.mp4", "b.mp4")
    here.work()
    (order,) = here.cluster.orders
    assert order.jobs == ("a", "b")
    assert order.inputs == {name: f"{sha256(here.inputs / name)}.mp4" for name in ("a.mp4", "b.mp4")}
    assert here.left() == ["a/x_00001_.mp4", "b/x_00001_.mp4"]
    assert (here.outputs / "b" / "x_00001_.mp4").read_text() == "whole b"
    assert here.store.find("a").worker == "w1" and here.store.find("a").state == "done"
    assert here.records == [{"run": order.run, "price": 0.5, "nodes": [], "stages": []}]
    assert not list((tmp_path / "files" / "jobs").iterdir()), "what has been fetched is not kept twice"
    assert here.cluster.let_go == 1


def test_an_attempt_that_is_lost_leaves_nothing_and_costs_the_job_nothing(tmp_path: Path) -> None:
    async def lost_once(order: Order, cluster: Cluster) -> AsyncIterator[dict[str, Any]]:
        if len(cluster.orders) > 1:
            async for line in done(order, cluster):
                yield line
            return
        async for line in done(order, cluster, made="half"):
            if "ended" in line or line.get("shown") == "8~2":
                raise WorkerLost("the machine was taken", "machine")
            yield line

    here = Gateway(tmp_path, lost_once)
    here.add("a.mp4", "b.mp4")
    here.work()
    first, second = here.cluster.orders
    assert second.jobs == ("b",), "a had all it was run for"
    assert {path: (here.outputs / path).read_text() for path in here.left()} == {
        "a/x_00001_.mp4": "half a",
        "b/x_00001_.mp4": "whole b",
    }
    job = here.store.find("b")
    assert (job.state, job.crashes, job.troubles, first.run != second.run) == ("done", 0, [], True)


def test_jobs_wait_while_the_store_of_files_is_away(tmp_path: Path) -> None:
    here = Gateway(tmp_path, done)
    here.add("a.mp4")
    (tmp_path / "files").write_text("in the way")
    held: list[str] = []

    async def all_of_it() -> None:
        running = asyncio.create_task(here.runner.run())
        while not here.workers.trouble():
            await asyncio.sleep(0.01)
        held.append(here.workers.trouble())
        (tmp_path / "files").unlink()
        while here.store.find("a").state != "done":
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(all_of_it(), 20))
    assert "fleet_files" in held[0] and here.workers.trouble() == ""
    assert here.store.find("a").crashes == 0


def test_a_worker_of_another_version_gets_nothing_and_is_named(tmp_path: Path) -> None:
    here = Gateway(tmp_path, done, replace(WORKER, worker="old", pack="0.9"))
    here.add("a.mp4")
    with pytest.raises(asyncio.TimeoutError):
        here.work(seconds=0.3)
    assert here.cluster.orders == [] and here.store.find("a").state == "queued"
    assert here.workers.trouble() == "old: its pack is 0.9, the gateway's 1"


@pytest.mark.parametrize("settled", [True, False])
def test_a_model_that_nobody_has_fails_the_job_with_who_lacks_it(
    tmp_path: Path, settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "_SETTLED", 0.0 if settled else 60.0)
    here = Gateway(tmp_path, done, WORKER, replace(WORKER, worker="w2"))
    here.add("a.mp4", model="two.ckpt")
    if not settled:  # one that has it may be on its way
        with pytest.raises(asyncio.TimeoutError):
            here.work(seconds=0.3)
        assert here.store.find("a").state == "queued"
        return
    here.work()
    assert here.store.find("a").error == "no worker can run it: w1 lacks two.ckpt; w2 lacks two.ckpt"
    assert here.cluster.orders == []


def test_a_job_that_is_cancelled_is_let_go_by_its_worker(tmp_path: Path) -> None:
    closed: list[str] = []

    async def endless(order: Order, cluster: Cluster) -> AsyncIterator[dict[str, Any]]:
        try:
            yield {"at": "1", "value": 0, "max": 0}
            await asyncio.sleep(60)
        finally:
            closed.append(order.run)

    here = Gateway(tmp_path, endless)
    here.add("a.mp4")

    async def all_of_it() -> None:
        running = asyncio.create_task(here.runner.run())
        while not here.runner.jobs_on() or here.runner.progress(here.store.find("a"))["node"] == "":
            await asyncio.sleep(0.01)
        assert here.runner.cancel("a")
        while here.runner.jobs_on():
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(all_of_it(), 20))
    assert here.store.find("a").state == "cancelled" and here.left() == []
    assert here.cluster.let_go == 1


def test_what_workers_do_is_in_the_ledger(tmp_path: Path) -> None:
    here = Gateway(tmp_path, done)
    here.add("a.mp4", "b.mp4")
    here.work()
    batches = here.ledger._batches("")
    assert [(batch.worker, batch.lost, batch.clips, batch.ended is not None) for batch in batches] == [
        ("w1", False, 2, True)
    ]


def test_a_fetch_that_is_cancelled_leaves_no_folder(tmp_path: Path) -> None:
    """A thread cannot be cancelled: it goes on, and what it makes goes when it has ended."""
    here, fetching, goes_on = Gateway(tmp_path, done), threading.Event(), threading.Event()
    take = here.files.take_output

    def slow(*given: Any) -> list[str]:
        fetching.set()
        assert goes_on.wait(20)
        return take(*given)

    here.files.take_output = slow
    here.add("a.mp4")

    async def all_of_it() -> None:
        running = asyncio.create_task(here.runner.run())
        await asyncio.to_thread(fetching.wait, 20)
        assert here.runner.cancel("a")
        while not here.cluster.let_go:
            await asyncio.sleep(0.01)
        goes_on.set()
        while here.runner.jobs_on() or here.runner._lanes:
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(all_of_it(), 20))
    assert list(here.outputs.iterdir()) == [], "and its worker did not wait for that"


def test_a_worker_that_breaks_off_again_and_again_rests_and_is_named(tmp_path: Path) -> None:
    async def without_rights(order: Order, cluster: Cluster) -> AsyncIterator[dict[str, Any]]:
        raise WorkerLost("FilesError: cannot fetch", "machine")
        yield {}

    here = Gateway(tmp_path, without_rights)
    here.add("a.mp4")
    with pytest.raises(asyncio.TimeoutError):
        here.work(seconds=0.5)
    assert len(here.cluster.orders) == 2, "the first time may be an accident"
    assert here.workers.trouble() == "w1: it has broken off 2 times: FilesError: cannot fetch"
    here.workers.answered("w1")
    assert here.workers.trouble() == ""


def test_an_input_that_cannot_be_read_any_more_is_left_to_its_node(tmp_path: Path) -> None:
    here = Gateway(tmp_path, done)
    here.add("a.mp4")
    (here.inputs / "a.mp4").unlink()
    here.work()
    assert here.cluster.orders[0].inputs == {} and here.workers.trouble() == ""


def test_costs_that_cannot_be_kept_fail_no_job(tmp_path: Path) -> None:
    here = Gateway(tmp_path, done)
    here.ledger._file.execute("pragma query_only = on")  # as if the disk were full
    here.add("a.mp4", "b.mp4")
    here.work()
    assert {job.state for job in here.store.newest(9)} == {"done"}


def test_jobs_that_only_their_batch_is_refused_run_alone_also_on_the_only_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_batches(order: Order, cluster: Cluster) -> AsyncIterator[dict[str, Any]]:
        if len(order.jobs) == 1:
            async for line in done(order, cluster):
                yield line
            return
        yield {"ended": {"status": "refused", "outputs": {}, "node": "6", "error": "odd", "kind": ""}, "record": None}

    monkeypatch.setattr(gateway, "_SETTLED", 0.0)
    here = Gateway(tmp_path, no_batches)
    here.add("a.mp4", "b.mp4")
    here.work()
    assert {job.state: job.error for job in here.store.newest(9)} == {"done": ""}
    assert [len(order.jobs) for order in here.cluster.orders] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("starting", "words"), [(0, "none of them starts."), (1, "1 of them starts."), (2, "2 of them start.")]
)
def test_jobs_that_wait_for_the_first_worker_say_so(tmp_path: Path, starting: int, words: str) -> None:
    here = Gateway(tmp_path, done)
    here.cluster.state = FleetState(True, "", (), starting)
    assert here.workers.trouble() == f"No worker is ready yet; {words}"
