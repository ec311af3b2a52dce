"""What runs have cost, over HTTP.

GET  /frugal-motion/runs?limit=20   the last runs, the newest first
GET  /frugal-motion/runs/{run}      one of them, by its prompt id, with the workflow
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from ..errors import InputError
from ..host.runs import stored_runs
from .answers import PREFIX, answering


def add_run_routes(routes: web.RouteTableDef) -> None:
    """Add the routes."""

    async def get_runs(request: web.Request) -> web.Response:
        given = request.query.get("limit", "20")
        if not given.isdecimal() or not 0 < int(given) <= 1000:
            raise InputError("limit", repr(given), "1 to 1000")
        return web.json_response({"runs": await asyncio.to_thread(_newest, int(given))})

    async def get_run(request: web.Request) -> web.Response:
        run = request.match_info["run"]
        record = await asyncio.to_thread(stored_runs().find, run)
        if record is None:
            return web.json_response({"error": f"no run {run!r} is kept"}, status=404)
        return web.json_response(record)

    routes.get(f"{PREFIX}/runs")(answering(get_runs))
    routes.get(f"{PREFIX}/runs/{{run}}")(answering(get_run))


def _newest(limit: int) -> list[dict[str, Any]]:
    return [{name: value for name, value in run.items() if name != "prompt"} for run in stored_runs().newest(limit)]
