"""What the editor shows inside the pack's nodes."""

from __future__ import annotations

import logging
from typing import Any

from ..motion.motion import Motion
from ..motion.preview import packed
from .folders import temp_file

logger = logging.getLogger(__name__)


def shown_motion(motion: Motion, before: Motion | None = None) -> dict[str, Any]:
    """For ``NodeOutput(ui=...)``: a motion for the node's player, with what it was before the node's edit.

    The prompt history keeps names of files in ComfyUI's temp folder, not the motions.
    """
    shown = {"motion": shown_file(packed(motion), ".motion")}
    return {"frugal_motion": [shown | {"before": shown_file(packed(before), ".motion") if before else None}]}


def shown_file(content: bytes, suffix: str) -> dict[str, str] | None:
    """A file for the editor, as ``temp_file`` gives it; ``None`` if the disk is full: no preview must stop a run."""
    try:
        return temp_file(content, suffix)
    except OSError as error:
        logger.warning("a preview is not shown: %s", error)
        return None
