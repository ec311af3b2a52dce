"""The models that the pack's workflows name, over HTTP.

GET  /frugal-motion/models              what is there, what is missing, where it goes and where to get it
POST /frugal-motion/models/download     {"name": "…"}: fetch one that is missing, from its official link
POST /frugal-motion/models/cancel       {"name": "…"}: stop that; the next download goes on from there
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..economy.idle_watch import look_at
from ..errors import InputError
from ..host.folders import found_model, model_folder
from ..models.catalogue import Asset, catalogue, find_model
from ..models.download import DownloadError, download
from .answers import PREFIX, answering, json_answer, json_object


@dataclass
class _Download:
    task: asyncio.Task[None] | None = None
    done: int = 0
    total: int = 0
    error: str = ""

    @property
    def is_running(self) -> bool:
        return self.task is not None and not self.task.done()


class Downloads:
    """Downloads that a user has asked for, of this process."""

    def __init__(self) -> None:
        self._downloads: dict[str, _Download] = {}

    def has_running(self) -> bool:
        """Whether any goes on."""
        return any(entry.is_running for entry in self._downloads.values())

    def state(self) -> list[dict[str, Any]]:
        """Every model of the catalogue."""
        return [self._shown(asset) for asset in catalogue() if asset.folder != "input"]

    def _shown(self, asset: Asset) -> dict[str, Any]:
        found = found_model(asset.folder, asset.name)
        entry = self._downloads.get(asset.name, _Download())
        return {
            "name": asset.name,
            "folder": asset.folder,
            "path": found,
            "url": asset.url,
            "licence": asset.licence,
            "can_download": asset.is_fetchable and bool(asset.url_digests),
            "downloading": {"bytes": entry.done, "total": entry.total} if entry.is_running else None,
            "error": entry.error,
        }

    def begin(self, asset: Asset) -> None:
        """Start one, unless it runs already."""
        entry = self._downloads.setdefault(asset.name, _Download())
        if not entry.is_running:
            entry.error, entry.done, entry.total = "", 0, 0
            entry.task = asyncio.create_task(self._run(asset, entry))

    def cancel(self, name: str) -> None:
        """Stop one, if it runs."""
        entry = self._downloads.get(name)
        if entry and entry.task:
            entry.task.cancel()

    async def _run(self, asset: Asset, entry: _Download) -> None:
        def on_bytes(done: int, total: int) -> None:
            entry.done, entry.total = done, total

        try:
            await download(asset, model_folder(asset.folder), on_bytes)
        except (DownloadError, InputError, OSError) as error:
            entry.error = str(error)


def add_model_routes(server: Any, downloads: Downloads) -> None:
    """Add the routes to ComfyUI's ``PromptServer``."""

    async def get_models(_: web.Request) -> web.Response:
        return json_answer({"models": await asyncio.to_thread(downloads.state)})

    async def post_download(request: web.Request) -> web.Response:
        asset = _named(await json_object(request, {"name"}))
        if found_model(asset.folder, asset.name):
            raise InputError("name", f"{asset.name!r}, which is there already", "a model that is missing")
        if look_at(server.prompt_queue)[0]:
            raise InputError("name", "a prompt that runs or waits", "an empty queue", "Try again when it has ended.")
        downloads.begin(asset)
        return json_answer({"name": asset.name}, status=202)

    async def post_cancel(request: web.Request) -> web.Response:
        asset = _named(await json_object(request, {"name"}))
        downloads.cancel(asset.name)
        return json_answer({"name": asset.name})

    server.routes.get(f"{PREFIX}/models")(answering(get_models))
    server.routes.post(f"{PREFIX}/models/download")(answering(post_download))
    server.routes.post(f"{PREFIX}/models/cancel")(answering(post_cancel))


def _named(given: dict[str, Any]) -> Asset:
    name = given.get("name")
    asset = find_model(name) if isinstance(name, str) else None
    if asset is None or asset.folder == "input":
        names = ", ".join(asset.name for asset in catalogue() if asset.folder != "input")
        raise InputError("name", repr(name)[:200], names)
    if not (asset.is_fetchable and asset.url_digests):
        raise InputError("name", repr(name), "a file whose link and SHA-256 are known", f"Get it from {asset.url}")
    return asset
