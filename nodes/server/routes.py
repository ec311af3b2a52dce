"""All routes, and what runs beside the queue while ComfyUI's server does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from aiohttp import web
from server import PromptServer

from ..caching.statistics import statistics
from ..economy.idle_watch import IdleWatch, idle_delays
from ..economy.run_keeper import RunKeeper
from ..fleet.child import SECRET
from ..host.frugal_node import ledger
from ..host.settings import settings
from ..jobs.comfy_queue import QueueMachine
from ..strict_json import strict
from .cache_routes import add_cache_routes
from .fleet import Fleet
from .fleet_routes import add_fleet_routes
from .input_routes import add_input_routes
from .job_routes import Jobs, add_job_routes
from .machine_routes import add_machine_routes
from .model_routes import Downloads, add_model_routes
from .motion_routes import add_motion_routes
from .run_routes import add_run_routes
from .worker_routes import OwnedRuns, add_worker_routes, end_with_owner


def register() -> None:
    """Add the routes to ComfyUI's server and start the watch over its queue, if there is a server."""
    server = getattr(PromptServer, "instance", None)
    if server is None:
        return
    add_cache_routes(server.routes, statistics.as_dict)
    add_run_routes(server.routes)
    if secret := os.environ.get(SECRET, ""):
        _register_worker(server, secret)
    else:
        _register_server(server)


def _register_worker(server: Any, secret: str) -> None:
    """For a worker of a fleet: its owner brings the jobs, and asks what they have cost."""
    runs = OwnedRuns(server)
    # When it ends is its owner's to say.
    watch = IdleWatch(server.prompt_queue, lambda: replace(idle_delays(), exit=0.0))
    keeper = RunKeeper(server.prompt_queue, ledger, runs.kept)
    end_with_owner()
    add_machine_routes(server, watch)
    add_worker_routes(server, secret, runs, keeper)
    server.app.on_startup.append(_beside(partial(watch.run, lambda: settings().idle_exit_code)))


def _register_server(server: Any) -> None:
    """For everybody else, the gateway of a fleet among them."""

    def ended(record: dict[str, Any]) -> None:
        jobs.charge(record)
        server.send_sync("frugal-motion.run", strict(record))

    address = settings().fleet
    fleet = Fleet(address, ended) if address else None
    jobs, downloads = Jobs(server, fleet.workers if fleet else QueueMachine(server)), Downloads()
    watch = IdleWatch(server.prompt_queue, idle_delays, lambda: jobs.has_waiting() or downloads.has_running())
    keeper = RunKeeper(server.prompt_queue, ledger, ended)
    add_machine_routes(server, watch)
    add_model_routes(server, downloads)
    add_job_routes(server, jobs)
    add_input_routes(server)
    add_motion_routes(server.routes)
    add_fleet_routes(server.routes, lambda: fleet.view(jobs) if fleet else None)
    server.app.on_startup.append(lambda _: jobs.open())  # before the first request comes
    server.app.on_startup.append(_beside(partial(watch.run, lambda: settings().idle_exit_code), keeper.run, jobs.run))
    if fleet:
        server.app.on_startup.append(_beside(partial(fleet.run, jobs)))


def _beside(*works: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[web.Application], Awaitable[None]]:
    """What starts work when the server does. asyncio itself holds tasks weakly."""

    async def begin(app: web.Application) -> None:
        app.setdefault(_BESIDE, []).extend(asyncio.create_task(work()) for work in works)

    return begin


_BESIDE = web.AppKey("frugal-motion beside the queue", list)
