"""From requests to answers: JSON both ways, and every refusal says why."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from ..errors import InputError

logger = logging.getLogger(__name__)

PREFIX = "/frugal-motion"
Handler = Callable[[web.Request], Awaitable[web.Response]]


def answering(handler: Handler) -> Handler:
    """A handler whose errors become answers: 400 for what the request asks, 500 for the rest."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except InputError as error:
            return web.json_response({"error": str(error)}, status=400)
        except Exception as error:
            logger.exception("%s %s", request.method, request.path)
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=500)

    return answer


async def json_object(request: web.Request, allowed: Collection[str] | None = None) -> dict[str, Any]:
    """The body of a request; an empty one is an empty object.

    Args:
        allowed: names that it may have; ``None`` for any.

    Raises:
        InputError: it is something else, or is not sent as JSON: browsers let any page post other kinds to any server.
    """
    if request.content_type != "application/json":
        raise InputError("Content-Type", request.content_type, "application/json")
    try:
        given = await request.json() if await request.text() else {}
    except ValueError as error:
        raise InputError("body", "no JSON", "a JSON object") from error
    if not isinstance(given, dict):
        raise InputError("body", repr(given)[:200], "a JSON object")
    if allowed is not None and not given.keys() <= set(allowed):
        raise InputError("body", repr(given)[:200], f"a JSON object of {', '.join(sorted(allowed))}")
    return given
