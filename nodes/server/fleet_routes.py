"""The fleet over HTTP.

GET /frugal-motion/fleet   its workers, what waits for them, and what they cost; {"address": ""} where there is none
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ..fleet.view import NO_FLEET, FleetView, shown
from .access import authorized
from .answers import PREFIX, answering, json_answer


def add_fleet_routes(routes: Any, view: Callable[[], FleetView | None]) -> None:
    """Add the routes.

    Args:
        view: gives the fleet as it is now; ``None`` where this ComfyUI runs the jobs itself.
    """

    async def get_fleet(_: web.Request) -> web.Response:
        fleet = view()
        if fleet is None:
            return json_answer(NO_FLEET)
        return json_answer(await asyncio.to_thread(shown, fleet, time.time()))

    routes.get(f"{PREFIX}/fleet")(answering(authorized(get_fleet)))
