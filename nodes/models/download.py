"""Fetches a file of the catalogue from its official link."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from ..errors import InputError
from .catalogue import Asset

BLOCK = 1 << 20

OnBytes = Callable[[int, int], None]
"""Told how many bytes there are so far, and how many there will be (0: not known)."""


class DownloadError(RuntimeError):
    """What came is not what was wanted, or nothing came."""


async def download(asset: Asset, folder: Path, on_bytes: OnBytes = lambda done, total: None) -> Path:
    """Fetch a file, and give it its name when all of it is there and its SHA-256 is right.

    What an interrupted download has brought stays beside it, and the next one goes on from there.

    Raises:
        InputError: the catalogue has no link to the file itself, or no sum to check it by.
        DownloadError: it could not be fetched, or is another file than it should be.
        OSError: the folder cannot be written.
    """
    allowed = asset.url_digests
    if not asset.is_fetchable or not allowed or urlsplit(asset.url).scheme != "https":
        raise InputError("name", repr(asset.name), "a file whose link and SHA-256 are known", f"See {asset.url}")
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{asset.name}.part"
    try:
        await fetch(asset.url, part, on_bytes)
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        raise DownloadError(f"{asset.url}: {error or type(error).__name__}. The next try goes on from here.") from error
    found = await asyncio.to_thread(_sha256, part)
    if found not in allowed:
        part.unlink()
        raise DownloadError(f"{asset.url}: SHA-256 is {found}, the catalogue says {' or '.join(sorted(allowed))}.")
    os.replace(part, folder / asset.name)
    return folder / asset.name


async def fetch(url: str, part: Path, on_bytes: OnBytes) -> None:
    """Bring what is behind a link into a file, from where the file ends.

    Raises:
        aiohttp.ClientError, asyncio.TimeoutError: it cannot be reached, or stays silent for a minute.
    """
    have = part.stat().st_size if part.exists() else 0
    timeout = aiohttp.ClientTimeout(total=None, connect=60, sock_read=60)
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, headers=headers) as answer,
    ):
        if answer.status == 416:  # nothing is missing
            return
        answer.raise_for_status()
        if answer.status != 206:  # it sends all of it
            have = 0
        total = have + (answer.content_length or 0)
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            async for block in answer.content.iter_chunked(BLOCK):
                await asyncio.to_thread(file.write, block)
                have += len(block)
                on_bytes(have, total)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        found = hashlib.sha256()
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
