"""When the frames of an edited motion come: holds, speeds and cuts as one time map."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ....errors import InputError
from ..timing import Times
from .edits import Delete, Edits, Hold, Speed

MOST_FRAMES = 1_000_000
"""That holds and slow motion may make of a motion."""


def time_map(edits: Edits, frame_count: int) -> Times:
    """The source time in frames of every frame of the edited motion; it never falls.

    Frames that no edit of time touches keep their whole number. A run of frames that is sped up has
    ``sum(1 / factor)`` frames, rounded, one at least; factors of spans that overlap multiply.

    Args:
        edits: of all kinds; what lies outside the clip does nothing.
        frame_count: of the source.

    Raises:
        InputError: more than ``MOST_FRAMES`` would come of it.
    """
    seconds, holds, deleted = _durations(edits, frame_count)
    total = seconds[~deleted].sum() + holds[~deleted].sum()
    if total > MOST_FRAMES:
        raise InputError("edits", f"{total:.0f} frames", f"up to {MOST_FRAMES} frames", "Hold fewer, or speed up.")
    changed = (seconds != 1) | (holds > 0) | deleted
    # A run of one speed ends where a frame is held or deleted: those keep their whole numbers.
    marks = np.flatnonzero(changed[1:] != changed[:-1]) + 1
    marks = np.unique(np.concatenate(([0, frame_count], marks, np.flatnonzero(holds), np.flatnonzero(deleted))))
    pieces = [_piece(int(a), int(b), seconds, holds, deleted) for a, b in pairwise(marks)]
    return np.concatenate(pieces) if pieces else np.zeros(0)


def _durations(edits: Edits, frame_count: int) -> tuple[Times, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """How long each source frame lasts at its speed, for how many more it is held, and whether it is cut out."""
    log, holds, deleted = np.zeros(frame_count), np.zeros(frame_count, np.intp), np.zeros(frame_count, np.bool_)
    applied = [edit for edit in edits.edits if not edit.off]
    # Sorted, as a sum of floats depends on their order, and the order of the list has no meaning.
    for speed in sorted((edit for edit in applied if isinstance(edit, Speed)), key=lambda speed: speed.factor):
        log[speed.first : speed.last + 1] -= np.log(speed.factor)
    for edit in applied:
        if isinstance(edit, Hold) and edit.frame < frame_count:
            holds[edit.frame] = edit.frames
        elif isinstance(edit, Delete):
            deleted[edit.first : edit.last + 1] = True
    return np.exp(log), holds, deleted


def _piece(first: int, end: int, seconds: Times, holds: npt.NDArray[np.intp], deleted: npt.NDArray[np.bool_]) -> Times:
    """Times of the frames ``first`` to ``end``, of which only the first may be held or deleted."""
    if deleted[first]:
        first += 1
        if first == end:
            return np.zeros(0)
    held = np.full(holds[first], float(first))
    lengths = seconds[first:end]
    if (lengths == 1).all():
        return np.concatenate((held, np.arange(first, end, dtype=np.float64)))
    ends = np.concatenate(([0.0], np.cumsum(lengths)))
    count = max(1, int(ends[-1] + 0.5))
    return np.concatenate((held, np.interp(np.arange(count) * (ends[-1] / count), ends, np.arange(first, end + 1))))
