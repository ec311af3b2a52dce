"""The fleet whose gateway this ComfyUI is."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..caching.digests import Digests, sha256_of
from ..economy.run_keeper import stored_runs
from ..fleet.files import Files, FilesError, folder_url
from ..fleet.gateway import FleetWorkers, Place
from ..fleet.ledger import Ledger
from ..fleet.link import Link, driver_command
from ..fleet.version import pack_version
from ..fleet.view import FleetView, WorkerView
from ..host.folders import output_folder, user_folder
from ..host.prompt_files import input_files_of
from ..host.settings import settings
from ..jobs.job import ENDED, FOLDER
from ..jobs.job_store import JobStore
from .job_routes import Jobs, kept_up

logger = logging.getLogger(__name__)

_LOOK_EVERY = 3.0  # seconds
_SWEEP_EVERY = 3600.0


class Fleet:
    """The workers that a Ray cluster has, what they cost, and the files that they are sent.

    Args:
        address: of the cluster.
        recorded: told what runs of workers have cost.
    """

    def __init__(self, address: str, recorded: Callable[[dict[str, Any]], None]) -> None:
        self.address = address
        self._recorded = recorded
        url = settings().fleet_files or folder_url(user_folder("fleet"))
        self._link, self._files = Link(driver_command(address)), Files(url)
        self._ledger = _ledger(user_folder("") / "fleet.sqlite")
        digests = Digests(user_folder("") / "sha256.json", tell=sha256_of)
        place = Place(pack_version(), output_folder(FOLDER), url, input_files_of, digests.of, self._kept)
        self.workers = FleetWorkers(self._link, self._files, self._ledger, place)

    async def run(self, jobs: Jobs) -> None:
        """Keep in touch with the cluster until cancelled; who takes no jobs does not."""
        if jobs.store is not None:
            await asyncio.gather(
                kept_up(self._link.run), kept_up(self._watch), kept_up(lambda: self._sweep(jobs.open_store()))
            )

    def view(self, jobs: Jobs) -> FleetView:
        """The fleet as it is now."""
        state, store = self._link.state, jobs.open_store()
        queued = store.count("queued")
        busy = jobs.runner.jobs_on() if jobs.runner else {}
        workers = [
            WorkerView(seen.about, seen.draining, self.workers.unusable(seen.about), busy.get(seen.about.worker, 0))
            for seen in state.workers
        ]
        return FleetView(
            address=self.address,
            up=state.up,
            why=self.workers.trouble() if queued or not state.up else "",
            ledger=self._ledger,
            workers=workers,
            starting=state.starting,
            queued=queued,
            running=store.count("running"),
            quarantined=store.quarantined(),
        )

    def _kept(self, record: dict[str, Any]) -> None:
        """Keep what a run of a worker has cost, as if it had been here."""
        try:
            stored_runs().add(record["run"], round(time.time() * 1000), record)
        except OSError as error:
            logger.warning("what run %s has cost is not kept: %s", record["run"], error)
        self._recorded(record)

    async def _watch(self) -> None:
        while True:
            state, now = self._link.state, time.time()
            if state.up:
                await asyncio.to_thread(self._ledger.seen, [seen.about for seen in state.workers], now)
            await asyncio.sleep(_LOOK_EVERY)

    async def _sweep(self, store: JobStore) -> None:
        def may_run(job_id: str) -> bool:
            job = store.find(job_id)
            return job is not None and job.state not in ENDED

        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            days = settings().jobs_days
            await asyncio.to_thread(self._ledger.forget, time.time() - days * 86400)
            try:
                await asyncio.to_thread(self._files.sweep, may_run, days)
            except FilesError as error:
                logger.warning("%s", error)


def _ledger(path: Path) -> Ledger:
    """What workers cost: in a file, or if that is another gateway's or damaged, until this process ends."""
    try:
        return Ledger(path)
    except sqlite3.Error as error:
        logger.warning("what workers cost is not kept in %s: %s", path, error)
        return Ledger(Path(":memory:"))
