"""Inputs over HTTP, by what they contain: nothing is sent that is there, and no two files fight for a name.

PUT    /frugal-motion/inputs/{sha256}.mp4   brings a file into ComfyUI's input folder, under that name
GET    /frugal-motion/inputs/{sha256}.mp4   whether it is there, and how large; 404 if not
HEAD   /frugal-motion/inputs/{sha256}.mp4   the same without words
"""

from __future__ import annotations

import asyncio
import filecmp
import hashlib
import os
import re
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from ..errors import InputError
from ..host.folders import SOUND_SUFFIXES, VIDEO_SUFFIXES, input_path
from ..interchange.files import SUFFIXES as MOTION_SUFFIXES
from ..video.stills import SUFFIXES as PICTURE_SUFFIXES
from .access import authorized
from .answers import PREFIX, Refusal, answering, json_answer

SUFFIXES = frozenset({*VIDEO_SUFFIXES, *PICTURE_SUFFIXES, *SOUND_SUFFIXES, *MOTION_SUFFIXES})
"""Of what nodes load; a name with another is refused, as it might be a page or a program."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = ".sending"
_BLOCK = 1 << 20
_LEFT_BEHIND = 86400.0
"""Seconds since its last block, after which a file is taken for one of an upload that was cut off with the server."""


def add_input_routes(server: Any) -> None:
    """Add the routes to ComfyUI's ``PromptServer``."""

    async def put_input(request: web.Request) -> web.Response:
        path = _asked(request)
        part = input_path(f".{uuid.uuid4().hex}{_PART}")
        try:
            digest = await _received(request, part)
            if digest != path.stem:
                raise InputError(
                    "body", f"a file whose SHA-256 is {digest}", f"the one that the name says, {path.stem}"
                )
            is_new = await asyncio.to_thread(_placed, part, path)
        except ConnectionResetError as error:  # nobody is there to read it
            raise Refusal(400, "body: cut off") from error
        finally:
            part.unlink(missing_ok=True)
        return json_answer(_shown(path), status=201 if is_new else 200)

    async def get_input(request: web.Request) -> web.Response:
        path = _asked(request)
        if not path.is_file():
            raise Refusal(404, f"no input {path.name} is here")
        return json_answer(_shown(path))

    async def begin(_: web.Application) -> None:
        await asyncio.to_thread(_remove_left_behind, input_path(""))

    routes = server.routes
    routes.put(f"{PREFIX}/inputs/{{name}}")(answering(authorized(put_input)))
    routes.get(f"{PREFIX}/inputs/{{name}}")(answering(authorized(get_input)))  # aiohttp answers HEAD by it
    server.app.on_startup.append(begin)


def _asked(request: web.Request) -> Path:
    """Where the file of a request's name is, or would be.

    Raises:
        InputError: it is no such name.
        Refusal: of a kind that nodes do not load.
    """
    name = request.match_info["name"]
    digest, dot, ending = name.partition(".")
    if not _DIGEST.fullmatch(digest):
        raise InputError("name", repr(name)[:200], "the SHA-256 of the file in hex, and its ending, such as .mp4")
    if dot + ending not in SUFFIXES:
        raise Refusal(415, f"name: found the ending {dot + ending!r}; allowed: {', '.join(sorted(SUFFIXES))}.")
    return input_path(name)


async def _received(request: web.Request, part: Path) -> str:
    """Write a body to a path; the hex SHA-256 of it.

    Raises:
        Refusal: it is larger than what ComfyUI takes as an upload.
        ConnectionResetError: it is cut off.
        OSError: the disk is full.
    """
    largest, whole = request.client_max_size, hashlib.sha256()
    size = announced = request.content_length or 0  # nothing for a body in pieces
    with part.open("wb") as file:

        def take(block: bytes) -> None:
            file.write(block)
            whole.update(block)

        if announced <= largest:
            size = 0
            async for block in request.content.iter_chunked(_BLOCK):
                size += len(block)
                if size > largest:
                    break
                await asyncio.to_thread(take, block)
    if size > largest:
        raise Refusal(413, f"body: found more than {largest} bytes; allowed: as much as --max-upload-size says.")
    return whole.hexdigest()


def _placed(part: Path, path: Path) -> bool:
    """Give a whole file its name; whether there was none. One that is there already keeps its time of change."""
    is_new = not path.exists()
    if is_new or not filecmp.cmp(part, path, shallow=False):
        os.replace(part, path)
    return is_new


def _shown(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size}


def _remove_left_behind(folder: Path) -> None:
    """Remove what uploads have left that were cut off with the server."""
    for part in folder.glob(f".*{_PART}"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _LEFT_BEHIND:
                part.unlink()
