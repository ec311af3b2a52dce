"""The player on the nodes that give motions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...host.previews import shown_file
from ..motion import Motion
from ..player_file import packed


def shown_motion(motion: Motion, before: Motion | None = None, beats: Iterable[float] = ()) -> dict[str, Any]:
    """For ``NodeOutput(ui=...)``: a motion for the node's player, with what it was before the node's edit.

    The prompt history keeps names of files in ComfyUI's temp folder, not the motions. ``beats``, in seconds, are marked
    on the player's slider.
    """
    shown: dict[str, Any] = {"motion": shown_file(packed(motion), ".motion")}
    shown["before"] = shown_file(packed(before), ".motion") if before else None
    if marks := [round(float(beat), 3) for beat in beats]:
        shown["beats"] = marks
    return {"frugal_motion": [shown]}
