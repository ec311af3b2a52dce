"""From requests to answers: JSON both ways, and every refusal says why."""

from __future__ import annotations

import gc
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from pydantic_core import from_json

from ..errors import InputError
from ..host.background import background_work
from ..strict_json import to_json

logger = logging.getLogger(__name__)

PREFIX = "/frugal-motion"
LARGEST = 32_000_000
"""Bytes of a body: no workflow comes near."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):
    """An answer with a status of its own and a reason."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.headers = status, headers
        super().__init__(reason)


def answering(handler: Handler) -> Handler:
    """A handler whose errors become answers: 400 for what the request asks, 500 for the rest.

    It works beside the runs: a user who cancels one of them means that run, and not a request which hashes a file.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            with background_work():
                return await handler(request)
        except InputError as error:
            return json_answer({"error": str(error)}, status=400)
        except Refusal as refusal:
            return json_answer({"error": str(refusal)}, status=refusal.status, headers=refusal.headers)
        except Exception as error:
            logger.exception("%s %s", request.method, request.path)
            return json_answer({"error": f"{type(error).__name__}: {error}"}, status=500)

    return answer


def json_answer(value: Any, **options: Any) -> web.Response:
    """An answer in JSON as browsers read it, which stop at a NaN.

    Args:
        options: of ``aiohttp.web.json_response``.
    """
    return web.json_response(value, dumps=to_json, **options)


def limit(request: web.Request) -> int:
    """How many of the last are asked for, by ``?limit=``.

    Raises:
        InputError: it is no number from 1 to 1000.
    """
    given = request.query.get("limit", "20")
    if not given.isdecimal() or len(given) > 4 or not 0 < int(given) <= 1000:
        raise InputError("limit", repr(given)[:200], "1 to 1000")
    return int(given)


async def json_object(
    request: web.Request, allowed: Collection[str] | None = None, largest: int = LARGEST
) -> dict[str, Any]:
    """The body of a request; an empty one is an empty object.

    Args:
        allowed: names that it may have; ``None`` for any.
        largest: bytes that it may have.

    Raises:
        InputError: it is something else, or is not sent as JSON: browsers let any page post other kinds to any server.
        Refusal: it is too large.
    """
    if request.content_type != "application/json":
        raise InputError("Content-Type", request.content_type, "application/json")
    body = await _at_most(request, largest)
    try:
        # Unlike json, this takes no NaN, no half of a surrogate pair and no giant numbers.
        with _no_collection():
            given = from_json(body, allow_inf_nan=False) if body else {}
    except ValueError as error:
        raise InputError("body", f"no JSON ({error})", "a JSON object") from error
    if not isinstance(given, dict):
        raise InputError("body", repr(given)[:200], "a JSON object")
    if allowed is not None and not given.keys() <= set(allowed):
        raise InputError("body", repr(given)[:200], f"a JSON object of {', '.join(sorted(allowed))}")
    return given


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let many objects come into being, none of which is garbage.

    Python would look for garbage again and again, among all objects of the process: for ComfyUI's million of them, that
    takes several times as long as reading a body.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def _at_most(request: web.Request, largest: int) -> bytes:
    """The body, read no further than it may be long."""
    body = bytearray()
    announced = request.content_length or 0  # nothing for a body in pieces
    if announced <= largest:
        async for block in request.content.iter_chunked(1 << 16):
            body += block
            if len(body) > largest:
                break
    if max(announced, len(body)) > largest:
        raise Refusal(413, f"body: found more than {largest} bytes; allowed: {largest} bytes.")
    return bytes(body)
