"""The cache over HTTP.

GET  /frugal-motion/cache           entries, bytes, limits, hits, misses, seconds and dollars saved
POST /frugal-motion/cache/purge     {"kind": "video", "unused_days": 30, "keys": [...]}: all that is given must fit
POST /frugal-motion/cache/pin       {"key": "...", "pinned": true}
POST /frugal-motion/cache/verify    reads everything, drops what is damaged
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..caching.configured import cache_folder, limits
from ..caching.entry import Entry
from ..caching.store import EntryStore
from ..economy.local_price import price_here
from ..errors import InputError
from .answers import PREFIX, answering, json_answer, json_object


@dataclass(frozen=True)
class Purge:
    """Which entries are dropped: those that fit all that is given; pinned ones only by their key.

    Raises:
        InputError: nothing is given, or something of another type.
    """

    kind: str | None = None
    unused_days: float | None = None
    keys: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind is None and self.unused_days is None and self.keys is None:
            raise InputError("purge", "nothing", "kind, unused_days or keys", 'To drop everything: {"unused_days": 0}.')
        if self.kind is not None and not isinstance(self.kind, str):
            raise InputError("kind", repr(self.kind), "a text")
        if self.unused_days is not None and not isinstance(self.unused_days, (int, float)):
            raise InputError("unused_days", repr(self.unused_days), "a number")
        if self.keys is not None and not all(isinstance(key, str) for key in self.keys):
            raise InputError("keys", repr(self.keys), "a list of keys")

    def fits(self, entry: Entry, now: float) -> bool:
        """Whether an entry is to go."""
        if entry.pinned and self.keys is None:
            return False
        is_kind = self.kind is None or entry.kind == self.kind
        is_unused = self.unused_days is None or now - entry.used >= self.unused_days * 86400
        return is_kind and is_unused and (self.keys is None or entry.key in self.keys)


def status(store: EntryStore, statistics: dict[str, float]) -> dict[str, Any]:
    """What ``GET`` answers."""
    entries = sorted(store.entries(), key=lambda entry: -entry.used)
    allowed = limits()
    return {
        "folder": str(store.folder),
        "bytes": sum(entry.size for entry in entries),
        "limit_bytes": allowed.size,
        "limit_days": allowed.days,
        **statistics,
        "dollars_saved": round(statistics["gpu_seconds_saved"] * price_here() / 3600, 6),
        "entries": [shown(entry) for entry in entries],
    }


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as JSON."""
    return {
        "key": entry.key,
        "kind": entry.kind,
        "made": entry.made,
        "bytes": entry.size,
        "seconds": entry.spent.seconds,
        "gpu_seconds": entry.spent.gpu_seconds,
        "used": entry.used,
        "pinned": entry.pinned,
    }


def purge(store: EntryStore, wanted: Purge) -> list[Entry]:
    """Drop entries."""
    now = time.time()
    dropped = [entry for entry in store.entries() if wanted.fits(entry, now)]
    for entry in dropped:
        store.remove(entry)
    return dropped


def add_cache_routes(routes: web.RouteTableDef, statistics: Callable[[], dict[str, float]]) -> None:
    """Add the routes.

    Args:
        statistics: what the cache has spared since the start.
    """

    async def get_status(_: web.Request) -> web.Response:
        return json_answer(await asyncio.to_thread(status, EntryStore(cache_folder()), statistics()))

    async def post_purge(request: web.Request) -> web.Response:
        given = await json_object(request, {"kind", "unused_days", "keys"})
        keys = given.get("keys")
        if keys is not None and not isinstance(keys, list):
            raise InputError("keys", repr(keys), "a list of keys")
        wanted = Purge(given.get("kind"), given.get("unused_days"), tuple(keys) if keys is not None else None)
        return _dropped(await asyncio.to_thread(purge, EntryStore(cache_folder()), wanted))

    async def post_pin(request: web.Request) -> web.Response:
        given = await json_object(request, {"key", "pinned"})
        store = EntryStore(cache_folder())
        entry = store.find(given["key"]) if isinstance(given.get("key"), str) else None
        if entry is None:
            raise InputError("key", repr(given.get("key")), "the key of an entry")
        await asyncio.to_thread(store.pin, entry, bool(given.get("pinned", True)))
        return json_answer({"pinned": bool(given.get("pinned", True))})

    async def post_verify(request: web.Request) -> web.Response:
        await json_object(request, ())
        return _dropped(await asyncio.to_thread(EntryStore(cache_folder()).verify))

    routes.get(f"{PREFIX}/cache")(answering(get_status))
    routes.post(f"{PREFIX}/cache/purge")(answering(post_purge))
    routes.post(f"{PREFIX}/cache/pin")(answering(post_pin))
    routes.post(f"{PREFIX}/cache/verify")(answering(post_verify))


def _dropped(entries: list[Entry]) -> web.Response:
    return json_answer({"dropped": [shown(entry) for entry in entries]})
