"""All routes, and what runs beside the queue while ComfyUI's server does."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from aiohttp import web
from server import PromptServer

from ..caching.statistics import statistics
from ..economy.idle_watch import IdleWatch, idle_delays
from ..economy.run_keeper import RunKeeper
from ..fleet.child import SECRET
from ..host.frugal_node import ledger
from ..host.settings import settings
from ..strict_json import strict
from .cache_routes import add_cache_routes
from .fleet_routes import add_fleet_routes
from .input_routes import add_input_routes
from .job_routes import Jobs, add_job_routes
from .machine_routes import add_machine_routes
from .model_routes import Downloads, add_model_routes
from .run_routes import add_run_routes
from .worker_routes import OwnedRuns, add_worker_routes, end_with_owner


def register() -> None:
    """Add the routes to ComfyUI's server and start the watch over its queue, if there is a server."""
    server = getattr(PromptServer, "instance", None)
    if server is None:
        return
    jobs, downloads = Jobs(server), Downloads()
    watch = IdleWatch(server.prompt_queue, idle_delays, lambda: jobs.has_waiting() or downloads.has_running())
    add_cache_routes(server.routes, statistics.as_dict)
    add_machine_routes(server, watch)
    add_run_routes(server.routes)
    add_model_routes(server, downloads)
    secret, owned = os.environ.get(SECRET, ""), OwnedRuns(server)

    def ended(record: dict[str, Any]) -> None:
        owned.kept(record) if secret else jobs.charge(record)
        server.send_sync("frugal-motion.run", strict(record))

    keeper = RunKeeper(server.prompt_queue, ledger, ended)
    if secret:  # a worker of a fleet: its owner brings the jobs, and asks what they have cost
        end_with_owner()
        add_worker_routes(server, secret, owned, keeper)
    else:
        add_job_routes(server, jobs)
        add_input_routes(server)

    async def begin(app: web.Application) -> None:
        app[_BESIDE] = [asyncio.create_task(watch.run(lambda: settings().idle_exit_code))]
        if not secret:
            await jobs.open()  # before the first request comes
            app[_BESIDE] += [asyncio.create_task(keeper.run()), asyncio.create_task(jobs.run())]

    server.app.on_startup.append(begin)


_BESIDE = web.AppKey("frugal-motion beside the queue", list)  # asyncio itself holds tasks weakly
