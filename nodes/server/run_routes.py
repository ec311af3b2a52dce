"""What runs have cost and will cost, over HTTP.

GET  /frugal-motion/runs?limit=20   the last runs, the newest first
GET  /frugal-motion/runs/{run}      one of them, by its prompt id, with the workflow
GET  /frugal-motion/gpus            names of the cards that the price table knows
POST /frugal-motion/estimate        {"prompt": a workflow in API form, "options": {"gpu", "price", "spot", "budget"}}
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ..economy.run_keeper import stored_runs
from ..errors import InputError
from ..forecast.calibration import measured_runs
from ..forecast.workflow_estimate import estimate_prompt, gpu_names
from .answers import PREFIX, answering, json_answer, json_object, limit


def add_run_routes(routes: web.RouteTableDef) -> None:
    """Add the routes."""

    async def get_runs(request: web.Request) -> web.Response:
        return json_answer({"runs": await asyncio.to_thread(_newest, limit(request))})

    async def get_run(request: web.Request) -> web.Response:
        run = request.match_info["run"]
        record = await asyncio.to_thread(stored_runs().find, run)
        if record is None:
            return json_answer({"error": f"no run {run!r} is kept"}, status=404)
        return json_answer(record)

    async def post_estimate(request: web.Request) -> web.Response:
        given = await json_object(request, {"prompt", "options"})
        options = given.get("options", {})
        if not isinstance(options, dict):
            raise InputError("options", repr(options)[:200], "a JSON object")
        return json_answer(await asyncio.to_thread(_estimate, given.get("prompt"), options))

    async def get_gpus(_: web.Request) -> web.Response:
        return json_answer({"names": await asyncio.to_thread(gpu_names)})

    routes.get(f"{PREFIX}/gpus")(answering(get_gpus))
    routes.post(f"{PREFIX}/estimate")(answering(post_estimate))
    routes.get(f"{PREFIX}/runs")(answering(get_runs))
    routes.get(f"{PREFIX}/runs/{{run}}")(answering(get_run))


def _estimate(prompt: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    return estimate_prompt(prompt, options, measured_runs())


def _newest(most: int) -> list[dict[str, Any]]:
    return [{name: value for name, value in run.items() if name != "prompt"} for run in stored_runs().newest(most)]
