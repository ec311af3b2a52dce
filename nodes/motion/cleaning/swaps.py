"""Left and right, exchanged by the detector for a few frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ..body import in_heights, mirrored_order
from ..motion import BODY_JOINTS, HAND_JOINTS, Motion
from .outliers import Lengths, Mask, body_sizes

Indices = npt.NDArray[np.intp]
Values = TypeVar("Values", bound=npt.NDArray[Any])

LONGEST_SWAP = Fraction(1)
"""Seconds; of two longer spans none is known to be the right one."""

_HAND = len(BODY_JOINTS)
_ARM, _LEG, _FACE, _FINGERS = (2, 3, 4), (8, 9, 10), (14, 16), tuple(range(_HAND, _HAND + HAND_JOINTS))
LIMBS = {"body": (*_ARM, *_LEG, *_FACE, *_FINGERS), "arm": _ARM, "leg": _LEG, "face": _FACE, "hand": _FINGERS}
"""Joints of one side that change together: mostly all of them, which together are the surest sign."""
_AT_THE_ENDS = 4  # times shorter must a swap be that starts or ends the clip: only one change tells of it
_MEMORY = Fraction(1, 4)  # seconds for which a joint's last position predicts its next
_CLEAR = 0.5  # an exchange must shorten the way that a limb travels by this share,
_FLOOR = 0.1  # and by this many body sizes: more than noise does


@dataclass(frozen=True)
class Swaps:
    """Left and right, put where they belong.

    Attributes:
        motion: with the sides exchanged back.
        exchanged: for each limb of ``LIMBS``, the ``(frames, people)`` in which it was.
        origins: for each joint of ``motion`` the number of the one that it was, ``(frames, people, joints)``.
    """

    motion: Motion
    exchanged: dict[str, Mask]
    origins: Indices


def undo_swaps(motion: Motion) -> tuple[Motion, int]:
    """Exchange the sides of a body, or of its arms, legs, face or hands, where that makes them continuous.

    Returns:
        The motion, and the number of people x frames in which something was exchanged; see ``find_swaps``.
    """
    swaps = find_swaps(motion)
    return swaps.motion, int(np.any(list(swaps.exchanged.values()), axis=0).sum())


def find_swaps(motion: Motion) -> Swaps:
    """Find where the sides of a body, or of its arms, legs, face or hands, are exchanged.

    Sides change in a frame where all of a limb's joints together travel less than half as far when exchanged, both
    from where they were last seen and from where their last velocity would take them: limbs that cross each other do
    not count. Two changes within ``LONGEST_SWAP`` enclose a swap, and so does one change close to the start or end of
    the clip.
    """
    other = mirrored_order(motion.keypoints.shape[2])
    sizes = body_sizes(motion)
    longest = int(LONGEST_SWAP * motion.frame_rate)
    origins = np.broadcast_to(np.arange(len(other)), motion.keypoints.shape[:3])
    exchanged = {}
    for limb, joints in LIMBS.items():
        side = np.array([joint for joint in joints if joint < len(other)], np.intp)
        exchanged[limb] = _enclosed(_changes(motion, side, other[side], sizes), longest)
        motion = motion.with_keypoints(_exchanged(motion.keypoints, exchanged[limb], side, other[side]))
        origins = _exchanged(origins, exchanged[limb], side, other[side])
    return Swaps(motion, exchanged, origins)


def _exchanged(values: Values, swapped: Mask, side: Indices, other: Indices) -> Values:
    """``(frames, people, joints, …)`` with joints exchanged in the marked ``(frames, people)``."""
    frames, people = (index[:, None] for index in np.nonzero(swapped))
    result = np.array(values)
    here, there = np.concatenate((side, other)), np.concatenate((other, side))
    result[frames, people, here] = values[frames, people, there]
    return cast(Values, result)


def _changes(motion: Motion, side: Indices, other: Indices, sizes: Lengths) -> Mask:
    """Frames ``(frames, people)`` in which a limb seems to change sides."""
    keypoints = motion.keypoints
    seen = (keypoints[:, :, side, 2] > 0) & (keypoints[:, :, other, 2] > 0)
    now = in_heights(np.stack((keypoints[:, :, side], keypoints[:, :, other])), motion.width / motion.height)
    last = _last_seen(seen)
    before = np.take_along_axis(last, np.maximum(last, 0), axis=0)
    frames = np.arange(len(seen))[:, None, None]
    memory = float(_MEMORY * motion.frame_rate)
    # A joint that was missing longer than the others may not have seen them change.
    latest = np.where(seen, last, -1).max(axis=2, keepdims=True, initial=-1)
    known = seen & (last == latest) & (last >= 0) & (frames - last <= memory)
    moving = known & (before >= 0) & (frames - before <= 2 * memory)
    resting = _at(now, last)
    velocity = (resting - _at(now, before)) / np.maximum(last - before, 1)[..., None]
    drifting = resting + np.where(moving, frames - last, 0)[..., None] * velocity

    def travelled(start: Lengths) -> Lengths:
        ways = np.linalg.norm(now - start, axis=-1)
        return np.asarray((ways * known).sum(axis=(0, 3)))

    stays = np.minimum(travelled(resting), travelled(drifting))
    crosses = np.minimum(travelled(resting[::-1]), travelled(drifting[::-1]))
    return np.asarray(stays - crosses > np.maximum(_CLEAR * stays, _FLOOR * sizes))


def _last_seen(seen: Mask) -> Indices:
    """For each frame the last one before it in which a joint was seen, or -1."""
    frames = np.arange(len(seen))[:, None, None]
    latest = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    return np.concatenate((np.full_like(latest[:1], -1), latest[:-1]))


def _at(positions: Lengths, frames: Indices) -> Lengths:
    """Positions ``(sides, frames, people, joints, 2)`` at other frames ``(frames, people, joints)``."""
    return np.take_along_axis(positions, np.maximum(frames, 0)[None, ..., None], axis=1)


def _enclosed(changes: Mask, longest: int) -> Mask:
    """Frames between two changes, the nearest to each other first; what then lies around both may enclose them."""
    swapped = np.zeros_like(changes)
    end = len(changes)
    for person in np.flatnonzero(changes.any(axis=0)):
        edges = [int(frame) for frame in np.flatnonzero(changes[:, person])]
        while edges:
            around = np.array([0, *edges, end])
            spans = np.diff(around)
            spans[[0, -1]] *= _AT_THE_ENDS
            nearest = int(spans.argmin())
            if spans[nearest] > longest:
                break
            swapped[around[nearest] : around[nearest + 1], person] ^= True
            del edges[max(nearest - 1, 0) : nearest + 1]
    return swapped
