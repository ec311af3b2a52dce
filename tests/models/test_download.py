"""Models fetched from their links."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.models import download as module
from frugal_motion.nodes.models.catalogue import Asset
from frugal_motion.nodes.models.download import DownloadError, download, fetch

CONTENT = os.urandom(3_000_000)
ASSET = Asset(
    "net.safetensors", "upscale_models", hashlib.sha256(CONTENT).hexdigest(), "https://example.org/net.safetensors"
)


def served(work: Callable[[str], Awaitable[Any]], content: Path, ranges: bool = True) -> list[str | None]:
    """Do work with the URL of a server that has a file; gives the ranges that it was asked for."""
    asked: list[str | None] = []

    async def get(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Range"))
        return web.FileResponse(content) if ranges else web.Response(body=content.read_bytes())

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/net.safetensors", get)
        async with TestServer(app) as server:
            await work(str(server.make_url("/net.safetensors")))

    asyncio.run(run())
    return asked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "served"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(("ranges", "have"), [(True, 0), (True, 1_234_567), (False, 1_234_567), (True, len(CONTENT))])
def test_a_file_is_brought_from_where_it_ends(tmp_path: Path, file: Path, ranges: bool, have: int) -> None:
    part, told = tmp_path / "part", []
    part.write_bytes(CONTENT[:have])
    asked = served(lambda url: fetch(url, part, lambda done, total: told.append((done, total))), file, ranges)
    assert part.read_bytes() == CONTENT and asked == [f"bytes={have}-"]
    if have < len(CONTENT):
        assert told[-1] == (len(CONTENT), len(CONTENT)) and told == sorted(told)


def test_it_gets_its_name_when_all_of_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetched(url: str, part: Path, on_bytes: Any) -> None:
        part.write_bytes(CONTENT)

    monkeypatch.setattr(module, "fetch", fetched)
    folder = tmp_path / "new"
    assert asyncio.run(download(ASSET, folder)).read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == [ASSET.name]


def test_another_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetched(url: str, part: Path, on_bytes: Any) -> None:
        part.write_bytes(b"something else")

    monkeypatch.setattr(module, "fetch", fetched)
    with pytest.raises(DownloadError, match="the catalogue says"):
        asyncio.run(download(ASSET, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_has_come_stays_for_the_next_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(url: str, part: Path, on_bytes: Any) -> None:
        part.write_bytes(CONTENT[:1000])
        raise aiohttp.ClientPayloadError("cut off")

    monkeypatch.setattr(module, "fetch", broken)
    with pytest.raises(DownloadError, match="next try"):
        asyncio.run(download(ASSET, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [f".{ASSET.name}.part"]


@pytest.mark.parametrize(
    "asset",
    [
        replace(ASSET, sha256=""),
        replace(ASSET, url="http://example.org/net.safetensors"),
        replace(ASSET, url="https://example.org/page"),
        replace(ASSET, url=""),
    ],
    ids=["no sum", "not safe", "a page", "no link"],
)
def test_nothing_is_fetched_that_cannot_be_checked(tmp_path: Path, asset: Asset) -> None:
    with pytest.raises(InputError, match="SHA-256 are known"):
        asyncio.run(download(asset, tmp_path))
