"""Who may ask for jobs and for what they run on."""

from __future__ import annotations

import hmac
import ipaddress

from aiohttp import web

from ..host.settings import settings, settings_problem
from .answers import Handler, Refusal


def authorized(handler: Handler) -> Handler:
    """A handler that is asked only by who knows ``jobs_token``, or without one by this machine."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if settings_problem():  # there may be a token in them
            raise Refusal(503, "the settings cannot be read; the log of ComfyUI says why")
        token = settings().jobs_token
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")  # as aiohttp has decoded it
        if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise Refusal(401, "Authorization: Bearer and the token are wanted", {"WWW-Authenticate": "Bearer"})
        if not token and not _is_here(request.remote):
            raise Refusal(403, "jobs of other machines are taken when jobs_token is set")
        return await handler(request)

    return answer


def _is_here(remote: str | None) -> bool:
    """Whether a request comes from this machine."""
    if not remote:  # a Unix socket
        return True
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
