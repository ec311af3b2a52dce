"""Cuts: how a body gets over the frames that are taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...body import NECK, in_heights
from ...limbs import Points, to_keypoints, tree
from ...motion import Motion
from ..timing import Times, smoothstep
from .edits import Delete


def joined(motion: Motion, deletes: Sequence[Delete]) -> Motion:
    """Spread the jump of each cut over the frames around it; the frames that will be cut out are still there."""
    found = _cuts(deletes, motion.frame_count)
    if not found or motion.keypoints.size == 0:
        return motion
    flat = in_heights(motion.keypoints, motion.width / motion.height)
    points, seen = flat[..., 0] + 1j * flat[..., 1], motion.keypoints[..., 2] > 0
    result = points.copy()
    starts, ends = [0, *(behind for _, behind, _ in found)], [*(before for before, _, _ in found), len(points) - 1]
    for number, (before, behind, fade) in enumerate(found):
        _spread(result, seen, before, behind, fade, (starts[number], ends[number + 1]))
    changed = (result != points)[..., None]
    placed = to_keypoints(result, motion.keypoints, motion.width / motion.height)
    return motion.with_keypoints(np.where(changed, placed, motion.keypoints))


def _cuts(deletes: Sequence[Delete], frame_count: int) -> list[tuple[int, int, int]]:
    """The last frame before each cut, the first behind it, and its fade; cuts at the clip's ends need none."""
    deleted, fade = np.zeros(frame_count + 1, np.bool_), np.zeros(frame_count, np.intp)
    for edit in deletes:
        deleted[edit.first : edit.last + 1] = True
        fade[edit.first : edit.last + 1] = np.maximum(fade[edit.first : edit.last + 1], edit.fade)
    deleted[frame_count] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([False], deleted)).astype(np.int8)))
    found = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(a - 1, b, int(fade[a:b].max())) for a, b in found if a > 0 and b < frame_count]


def _spread(
    points: Points, seen: npt.NDArray[np.bool_], before: int, behind: int, fade: int, borders: tuple[int, int]
) -> None:
    """Spread the jump of a cut over the frames on both sides, in place: each side turns its limbs half of the way.

    What the body would have moved in one frame anyway is no jump.

    Args:
        points, seen: ``(frames, people, joints)``.
        before, behind: the last frame before the cut, and the first behind it.
        fade: frames on each side.
        borders: first and last frame that may be changed.
    """
    steps = [(max(before - 1, borders[0]), before), (before, behind), (behind, min(behind + 1, borders[1]))]
    left, jump, right = (_change(points, seen, a, b) for a, b in steps)
    excess = [(cut - (a + b) / 2) / 2 for cut, a, b in zip(jump, left, right, strict=True)]
    sides = (
        (np.arange(before, max(before - fade, borders[0] - 1), -1), 1.0),
        (np.arange(behind, min(behind + fade, borders[1] + 1)), -1.0),
    )
    for frames, sign in sides:
        weight = sign * (1 - smoothstep(np.arange(len(frames)) / max(fade, 1)))[:, None, None]
        points[frames] = np.where(seen[frames], _changed(points[frames], weight, *excess), points[frames])


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
