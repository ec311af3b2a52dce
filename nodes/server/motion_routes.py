"""Motions that are being edited by hand, over HTTP: what an edit makes of them, without a run.

POST /frugal-motion/motion/edit   {"motion": {"filename", …}, "edits": "…", "want": "posed", "frames": [3, 20]}

``want`` is one of

posed      the motion with all edits but those of time and of who stays, in ``frames`` (both among them; without it all)
result     what the node would give, and which frame of the source each frame shows that is sent
troubles   where the motion that "posed" gives still wants a hand

The motion is a file that Edit Motion has shown to the editor; others are refused. Motions go back as base64 of such a
file (nodes/motion/player_file.py).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web

from ..errors import InputError
from ..host.folders import shown_path
from ..motion.editing.by_hand.apply import FIRST, Edited, edited, posed
from ..motion.editing.by_hand.checks import Note
from ..motion.editing.by_hand.edits import Edits, parse
from ..motion.editing.by_hand.times import time_map
from ..motion.motion import Motion
from ..motion.player_file import LARGEST_EDITED, kept_step, packed, unpacked
from ..motion.report.troubles import find_troubles
from ..strict_json import to_json
from .answers import PREFIX, Refusal, answering, json_object

SUFFIX = ".motion"
LARGEST = 8_000_000
"""Bytes of a request: 10 000 edits take a quarter of it."""

_KEPT = 3  # motions that stay between requests: few are edited at a time, and a large one takes some 80 MB
_KEPT_TEXTS = 4


@dataclass(frozen=True)
class ShownFile:
    """A file as it is now."""

    path: Path
    changed: int
    size: int


def add_motion_routes(routes: web.RouteTableDef) -> None:
    """Add the route."""
    motions, turn = EditedMotions(), asyncio.Lock()

    async def post_edit(request: web.Request) -> web.Response:
        given = await json_object(request, {"motion", "edits", "want", "frames"}, LARGEST)
        # A long motion takes its time, to edit it and to write it down. One after the other: none does what another
        # does already, and they leave threads to the rest of ComfyUI.
        async with turn:
            if request.transport is None:
                raise Refusal(400, "nobody waits for it any more")  # an editor that has asked for something newer
            text = await asyncio.to_thread(lambda: to_json(motions.answer(given)))
        return web.Response(text=text, content_type="application/json")

    routes.post(f"{PREFIX}/motion/edit")(answering(post_edit))


class EditedMotions:
    """What is being edited, kept for the requests to come: motions, and what the slow edits make of them."""

    def __init__(self) -> None:
        self._motion = lru_cache(_KEPT)(_read)
        self._prepared = lru_cache(_KEPT)(lambda file, slow: posed(self._motion(file), slow))
        self._edits = lru_cache(_KEPT_TEXTS)(parse)
        self._wants: dict[str, Callable[[Motion, Edits, Any], dict[str, Any]]] = {
            "posed": _posed,
            "result": _result,
            "troubles": _troubles,
        }

    def answer(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a request gets.

        Raises:
            InputError: it is wrong.
            Refusal: the motion is gone.
        """
        want, text, frames = given.get("want", "posed"), given.get("edits", ""), given.get("frames")
        if not isinstance(want, str) or want not in self._wants:
            raise InputError("want", repr(want)[:200], ", ".join(self._wants))
        if not isinstance(text, str):
            raise InputError("edits", repr(text)[:200], "a text")
        if frames is not None and want != "posed":
            raise InputError("frames", repr(frames)[:200], f"nothing where {want} is wanted")
        edits = self._edits(text)
        path = shown_path(given.get("motion"), SUFFIX, "motion")
        try:
            status = path.stat()
            source, quick, notes = self._begun(ShownFile(path, status.st_mtime_ns, status.st_size), edits)
        except OSError as error:
            raise Refusal(404, f"motion: {path.name} is gone; run the workflow again") from error
        answer = self._wants[want](source, quick, frames)
        if notes and "notes" in answer:
            told = [note.as_dict() for note in notes]
            answer["notes"] = sorted([*told, *answer["notes"]], key=lambda note: int(note["edit"]))
        return answer

    def _begun(self, file: ShownFile, edits: Edits) -> tuple[Motion, Edits, list[Note]]:
        """The motion after its slow edits, the edits with those turned off, and notes on those."""
        slow = {number: edit for number, edit in enumerate(edits.edits) if isinstance(edit, FIRST) and not edit.off}
        if not slow:
            return self._motion(file), edits, []
        done: Edited = self._prepared(file, edits.model_copy(update={"edits": tuple(slow.values())}))
        off = {number: edit.model_copy(update={"off": True}) for number, edit in slow.items()}
        quick = tuple(off.get(number, edit) for number, edit in enumerate(edits.edits))
        numbers = list(slow)
        notes = [Note(numbers[note.edit], note.why) for note in done.notes]
        return done.motion, edits.model_copy(update={"edits": quick}), notes


def _read(file: ShownFile) -> Motion:
    if file.size > LARGEST_EDITED:
        raise InputError("motion", f"a file of {file.size} bytes", f"{LARGEST_EDITED} bytes")
    return unpacked(file.path.read_bytes())


def _posed(motion: Motion, edits: Edits, frames: Any) -> dict[str, Any]:
    wanted = _frames(frames, motion.frame_count)
    return {"first": wanted.start if wanted else 0, **_told(posed(motion, edits, wanted))}


def _result(motion: Motion, edits: Edits, _: Any) -> dict[str, Any]:
    times, done = time_map(edits, motion.frame_count), edited(motion, edits)
    kept = times[:: kept_step(done.motion, LARGEST_EDITED)]
    return {"first": 0, **_told(done), "times": kept.tolist()}


def _troubles(motion: Motion, edits: Edits, _: Any) -> dict[str, Any]:
    return {"troubles": [trouble.as_dict() for trouble in find_troubles(posed(motion, edits).motion)]}


def _frames(given: Any, frame_count: int) -> range | None:
    if given is None:
        return None
    if not isinstance(given, list) or [type(frame) for frame in given] != [int, int]:
        raise InputError("frames", repr(given)[:200], "the first and the last of them, such as [3, 20]")
    first, last = given
    if not 0 <= first <= last < frame_count:
        raise InputError("frames", repr(given)[:200], f"frames from 0 to {frame_count - 1}, in order")
    return range(first, last + 1)


def _told(done: Edited) -> dict[str, Any]:
    content = base64.b64encode(packed(done.motion, LARGEST_EDITED)).decode()
    return {"motion": content, "notes": [note.as_dict() for note in done.notes]}
