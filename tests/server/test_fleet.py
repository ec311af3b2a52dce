"""The fleet of a gateway, when something is in its way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from frugal_motion.nodes.fleet.ledger import Ledger
from frugal_motion.nodes.jobs.job import Job
from frugal_motion.nodes.jobs.job_store import JobStore
from frugal_motion.nodes.server import fleet as fleet_module
from frugal_motion.nodes.server import job_routes
from frugal_motion.nodes.server.fleet import Fleet


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes gateways whose user folder is the same; their driver is none."""
    monkeypatch.setattr(fleet_module, "user_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(fleet_module, "driver_command", lambda address: [str(tmp_path / "none")])
    return lambda: Fleet("auto", lambda record: None)


def test_a_second_gateway_on_one_folder_starts_and_leaves_all_to_the_first(gateway: Any, tmp_path: Path) -> None:
    first = Ledger(tmp_path / "fleet.sqlite")
    first.began("run", "w1", 1.0)
    second = gateway()
    asyncio.run(asyncio.wait_for(second.run(SimpleNamespace(store=None)), 5))
    assert "looked for" in second.workers.trouble(), "it has not begun to"
    first.ended("run", 2.0, clips=3)
    first.close()
    assert [batch.clips for batch in Ledger(tmp_path / "fleet.sqlite")._batches("")] == [3], "no one else has ended it"


def test_what_fails_once_is_done_again(gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_routes, "_PAUSE", 0.01)
    monkeypatch.setattr(fleet_module, "_SWEEP_EVERY", 0.0)
    store, asked = JobStore(tmp_path / "jobs.sqlite"), []
    for job_id in "ab":
        store.add(Job(job_id, {}), 9, 9)
    store.begin("b", 1.0)
    store.end("b", "done", 2.0)

    def sweep(may_run: Any, days: float) -> None:
        asked.append((may_run("a"), may_run("b"), may_run("c")))
        raise RuntimeError("odd")

    fleet = gateway()
    monkeypatch.setattr(fleet._files, "sweep", sweep)

    async def until_swept_twice() -> None:
        running = asyncio.create_task(fleet.run(SimpleNamespace(store=store, open_store=lambda: store)))
        while len(asked) < 2:
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(until_swept_twice(), 10))
    assert asked[0] == (True, False, False), "one that waits may begin at any moment"


def test_who_starts_removes_what_was_being_fetched_also_of_jobs_that_have_ended(tmp_path: Path) -> None:
    store, outputs = JobStore(tmp_path / "jobs.sqlite"), tmp_path / "jobs"
    for job_id in ("runs", "cancelled", "done"):
        store.add(Job(job_id, {}), 9, 9)
        store.begin([job_id], 1.0, "run")
    store.end("cancelled", "cancelled", 2.0)
    store.end("done", "done", 2.0)
    for name in (".runs-run", ".cancelled-run", ".done-other", "done", "runs"):
        (outputs / name).mkdir(parents=True)
    job_routes._remove_half_done(store, outputs)
    assert [path.name for path in outputs.iterdir()] == ["done"]


@pytest.mark.parametrize("wrong", ["", "fleet_files: String should match pattern"])
def test_jobs_wait_for_settings_that_can_be_read(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_routes, "user_folder", lambda name: tmp_path)
    monkeypatch.setattr(job_routes, "output_folder", lambda name: tmp_path)
    monkeypatch.setattr(job_routes, "settings_problem", lambda: wrong)
    jobs = job_routes.Jobs(SimpleNamespace(), SimpleNamespace())
    asyncio.run(jobs.open())
    assert (jobs.store is None) == bool(wrong)
