"""What the editor's panel of Edit Motion is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import av.error
from comfy_api.latest import Input

from ...caching.memoize import memoized
from ...host.background import in_background
from ...host.frugal_node import Stage
from ...host.previews import is_watched, shown_file
from ...host.video import as_stream
from ..editing.by_hand.apply import posed
from ..editing.by_hand.checks import Note
from ..editing.by_hand.edits import Edits, to_text
from ..motion import Motion
from ..player_file import LARGEST_EDITED, packed
from ..report.troubles import find_troubles
from .edit_film import Film, filmed

logger = logging.getLogger(__name__)


def shown_edit(
    motion: Motion,
    edits: Edits,
    video: Input.Video | None,
    result: Motion,
    notes: Sequence[Note],
    stage: Stage | None = None,
) -> dict[str, Any]:
    """For ``NodeOutput(ui=...)``: what the panel edits, and what has come of it so far.

    Args:
        motion: as it came in.
        edits: of it.
        video: what is shown behind it.
        result: what the node gives.
        notes: on edits that were skipped.
        stage: the node's, so that a film is made once for all edits of a clip; without it, in every run.

    Returns:
        Nothing ahead of the run, where all of it is thrown away. In a run that no editor watches, neither a film nor
        troubles (``None``; an editor that opens the run later asks for those).

    Raises:
        InputError: ``video`` is something else.
    """
    if in_background():
        return {}
    troubles = find_troubles(posed(motion, edits).motion) if is_watched() else None
    shown = {
        "motion": shown_file(packed(motion, LARGEST_EDITED), ".motion"),
        "result": shown_file(packed(result, LARGEST_EDITED), ".motion"),
        "edits": to_text(edits),
        "troubles": None if troubles is None else [trouble.as_dict() for trouble in troubles],
        "notes": [note.as_dict() for note in notes],
        "film": _shown_film(motion, video, stage),
    }
    return {"frugal_edit": [shown]}


def _shown_film(motion: Motion, video: Input.Video | None, stage: Stage | None) -> dict[str, Any] | None:
    if video is None or not is_watched():
        return None
    stream = as_stream(video)

    def make() -> Film | None:
        return filmed(stream, motion.frame_count, motion.frame_rate)

    wanted = {"video": stream, "frames": motion.frame_count, "rate": motion.frame_rate}
    try:
        film = memoized(stage, wanted, make, is_told=False) if stage else make()
    except av.error.FFmpegError as error:
        logger.warning("a preview is not shown: %s", error)
        return None
    files = [shown_file(sheet, ".jpg") for sheet in film.sheets] if film else []
    return {"files": files, **film.layout()} if film and all(files) else None
