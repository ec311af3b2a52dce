"""When the frames of an edited motion come: holds, speeds and cuts as one time map."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ....errors import InputError
from ...body import NECK
from ...limbs import Points, tree
from ..timing import Times, smoothstep
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
    for edit in edits.edits:
        if edit.off:
            continue
        if isinstance(edit, Speed):
            log[edit.first : edit.last + 1] -= np.log(edit.factor)
        elif isinstance(edit, Hold) and edit.frame < frame_count:
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
    count = max(1, round(float(ends[-1])))
    return np.concatenate((held, np.interp(np.arange(count) * (ends[-1] / count), ends, np.arange(first, end + 1))))


def cuts(deletes: Sequence[Delete], frame_count: int) -> list[tuple[int, int, int]]:
    """The last frame before each cut, the first behind it, and its fade; cuts at the clip's ends need none."""
    deleted, fade = np.zeros(frame_count + 1, np.bool_), np.zeros(frame_count, np.intp)
    for edit in deletes:
        deleted[edit.first : edit.last + 1] = True
        fade[edit.first : edit.last + 1] = np.maximum(fade[edit.first : edit.last + 1], edit.fade)
    deleted[frame_count] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([False], deleted)).astype(np.int8)))
    found = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(a - 1, b, int(fade[a:b].max())) for a, b in found if a > 0 and b < frame_count]


def joined(
    points: Points, seen: npt.NDArray[np.bool_], before: int, behind: int, fade: int, borders: tuple[int, int]
) -> Points:
    """Spread the jump of a cut over the frames on both sides: each side turns its limbs half of the way.

    What the body would have moved in one frame anyway is no jump.

    Args:
        points, seen: ``(frames, people, joints)``.
        before, behind: the last frame before the cut, and the first behind it.
        fade: frames on each side.
        borders: first and last frame that may be changed.
    """
    result = points.copy()
    steps = [(max(before - 1, borders[0]), before), (before, behind), (behind, min(behind + 1, borders[1]))]
    left, jump, right = (_change(points, seen, a, b) for a, b in steps)
    excess = [(cut - (a + b) / 2) / 2 for cut, a, b in zip(jump, left, right, strict=True)]
    sides = (
        (np.arange(before, max(before - fade, borders[0] - 1), -1), 1.0),
        (np.arange(behind, min(behind + fade, borders[1] + 1)), -1.0),
    )
    for frames, sign in sides:
        weight = sign * (1 - smoothstep(np.arange(len(frames)) / max(fade, 1)))[:, None, None]
        result[frames] = _changed(points[frames], weight, *excess)
    return np.where(seen, result, points)


_Change: TypeAlias = tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]
"""How far the root goes ``(people,)``, and each bone's change of length and heading as a logarithm."""


def _change(points: Points, seen: npt.NDArray[np.bool_], a: int, b: int) -> _Change:
    """From frame ``a`` to frame ``b``; nothing where a joint is missing in one of them."""
    both = seen[a] & seen[b]
    moved = np.where(both, points[b] - points[a], 0)
    middle = moved.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    bones = np.zeros_like(moved)
    for parent, child in tree(points.shape[2]):
        old, new = (points[frame, :, child] - points[frame, :, parent] for frame in (a, b))
        known = both[:, parent] & both[:, child] & (np.abs(old) > 1e-9) & (np.abs(new) > 1e-9)
        bones[:, child] = np.log(np.where(known, new, 1) / np.where(known, old, 1))
    return np.where(both[:, NECK], moved[:, NECK], middle), bones


def _changed(points: Points, weight: Times, root: npt.NDArray[np.complex128], bones: Points) -> Points:
    result = points + weight * root[:, None]
    for parent, child in tree(points.shape[2]):
        bone = points[..., child] - points[..., parent]
        result[..., child] = result[..., parent] + bone * np.exp(weight[..., 0] * bones[:, child])
    return result
