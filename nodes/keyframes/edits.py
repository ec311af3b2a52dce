"""Changes to a plan by hand."""

from __future__ import annotations

import re
from dataclasses import replace

from ..errors import InputError
from .keyframes import Keyframes

_EDIT = re.compile(r"([+-])(\d{1,9})")


def edited(plan: Keyframes, edits: str) -> Keyframes:
    """The plan with keyframes added and removed.

    Args:
        plan: as it was made.
        edits: such as ``"+12 -20"``: also sample frame 12, do not sample frame 20. What the plan does anyway may be
            there too, so that edits survive another plan.

    Raises:
        InputError: a word is no such edit, or contradicts another; a frame lies outside the clip; the first or last
            frame of a shot is to be removed.
    """
    wanted: dict[int, bool] = {}
    for word in edits.replace(",", " ").split():
        match = _EDIT.fullmatch(word)
        if match is None:
            raise InputError("edits", repr(word), "frames to add and to remove, such as +12 -20")
        add, frame = match[1] == "+", int(match[2])
        if wanted.setdefault(frame, add) != add:
            raise InputError("edits", f"+{frame} and -{frame}", "one of them")
        _check(plan, frame, add)
    removed = {frame for frame, add in wanted.items() if not add}
    frames = ({*plan.frames} | {*wanted}) - removed
    return replace(plan, frames=tuple(sorted(frames)))


def _check(plan: Keyframes, frame: int, add: bool) -> None:
    if frame >= plan.frame_count:
        remedy = "They were made for another clip: empty the input, or press Reset on the node."
        raise InputError("edits", f"frame {frame}", f"frames 0 to {plan.frame_count - 1}", remedy)
    if not add and any(frame in ends for ends in plan.segments()):
        allowed = "any frame but the first and last of a shot, past which nothing can be interpolated"
        raise InputError("edits", f"-{frame}", allowed)
