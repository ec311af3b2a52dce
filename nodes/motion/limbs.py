"""A body as a tree of turning bones: an edit turns bones, so that limbs keep their lengths.

Positions are complex: ``x + iy`` in frame heights, so that a turn is a product and a vector's heading its angle.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .body import BONES, HIPS, NECK, in_heights
from .motion import BODY_JOINTS, HAND_JOINTS, Keypoints, Motion

Points: TypeAlias = npt.NDArray[np.complex128]
"""``(frames, people, joints)``, x + iy in frame heights."""

Angles: TypeAlias = npt.NDArray[np.float64]
"""``(frames, people, limbs)`` in radians."""

LIMBS = (
    ("torso", None), ("head", 0),
    ("arms", 0), ("arms", 2), ("arms", 0), ("arms", 4),
    ("legs", None), ("legs", 6), ("legs", None), ("legs", 8),
)  # fmt: skip
"""What turns as one piece: its part of the body, and the limb it hangs on (None: the ground).

Torso, head, then upper and lower arm, thigh and shank, right before left. Thighs do not hang on the torso: who leans
does not swing his legs.
"""

_LIMB_BONES = ((1, 0), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13))  # of all but the torso
_LIMB_OF = {child: limb for limb, (_, child) in enumerate(_LIMB_BONES, start=1)}
_LIMB_OF |= {14: 1, 15: 1, 16: 1, 17: 1, 2: 0, 5: 0, 8: 0, 11: 0}
_HANDS = ((7, 5), (4, 3))  # wrist and forearm that the left and the right hand follow


def to_points(motion: Motion) -> Points:
    """Every joint in every frame; where one is missing, a guess that does no harm.

    A missing joint keeps its place relative to the joint it hangs on, interpolated between the frames in which it was
    found; one that was never found lies on the joint it hangs on.
    """
    flat = in_heights(motion.keypoints, motion.width / motion.height)
    points, found = flat[..., 0] + 1j * flat[..., 1], motion.keypoints[..., 2] > 0
    guessed = points.copy()
    guessed[..., NECK] = interpolated(_middle(points, found), np.asarray(found.any(axis=2)))
    seen = found[..., NECK]
    drift = interpolated(np.where(seen, points[..., NECK] - guessed[..., NECK], 0), seen)
    guessed[..., NECK] += drift
    for parent, child in tree(points.shape[2]):
        offset = np.where(found[..., child], points[..., child] - guessed[..., parent], 0)
        guessed[..., child] = guessed[..., parent] + interpolated(offset, found[..., child])
    return guessed


def _middle(points: Points, found: npt.NDArray[np.bool_]) -> Points:
    return np.asarray((points * found).sum(axis=2) / np.maximum(found.sum(axis=2), 1))


def hand_slices(joints: int) -> list[slice]:
    """The joints of the left and the right hand; none in a motion of 18 joints."""
    return [slice(first, first + HAND_JOINTS) for first in range(len(BODY_JOINTS), joints, HAND_JOINTS)]


def tree(joints: int) -> list[tuple[int, int]]:
    """Parent and child of every joint but the neck, of 18 or 60; a hand's joints hang on the body's wrist."""
    hands = [(wrist, joint) for (wrist, _), hand in zip(_HANDS, hand_slices(joints), strict=False)
             for joint in range(hand.start, hand.stop)]  # fmt: skip
    return [*BONES, *hands]


def interpolated(values: npt.NDArray[np.complex128], found: npt.NDArray[np.bool_]) -> npt.NDArray[np.complex128]:
    """Fill ``values`` along the first axis: straight lines between found frames, held outside, 0 if none is found."""
    if found.all() or not len(values):
        return values
    last = len(values) - 1
    frames = np.arange(len(values)).reshape(-1, *(1,) * (values.ndim - 1))
    before = np.maximum.accumulate(np.where(found, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(found, frames, last + 1)[::-1], axis=0)[::-1]
    before, after = np.where(before < 0, after, before), np.where(after > last, before, after)
    before, after = np.clip(before, 0, last), np.clip(after, 0, last)
    share = (frames - before) / np.maximum(after - before, 1)
    low, high = np.take_along_axis(values, before, axis=0), np.take_along_axis(values, after, axis=0)
    return np.where(found, values, low + share * (high - low))


def to_keypoints(points: Points, like: Keypoints, aspect: float) -> Keypoints:
    """The points as fractions of a frame, with the confidences and gaps of ``like``."""
    confidence = like[..., 2:]
    place = np.stack((points.real / aspect, points.imag), axis=-1)
    return np.concatenate((np.where(confidence > 0, place, 0), confidence), axis=-1).astype(np.float32)


def pelvis(points: Points) -> npt.NDArray[np.complex128]:
    """Middle of the hips ``(frames, people)``; the neck where hips were never seen."""
    return np.asarray((points[..., HIPS[0]] + points[..., HIPS[1]]) / 2)


def limb_vectors(points: Points) -> npt.NDArray[np.complex128]:
    """Each limb of ``LIMBS`` from its parent joint to its end: ``(frames, people, limbs)``."""
    torso = points[..., NECK] - pelvis(points)
    return np.stack([torso, *(points[..., child] - points[..., parent] for parent, child in _LIMB_BONES)], axis=-1)


def limb_angles(points: Points) -> Angles:
    """Each limb's angle to the limb it hangs on, continuous over time."""
    heading = np.angle(limb_vectors(points))
    angles = heading.copy()
    for limb, (_, base) in enumerate(LIMBS):
        if base is not None:
            angles[..., limb] -= heading[..., base]
    return np.unwrap(angles, axis=0) if len(angles) else angles


def turned(points: Points, turns: Angles) -> Points:
    """Turn each limb in its joint, with everything that hangs on it; the pelvis stays.

    Args:
        points: of any body, every joint filled.
        turns: added to each of ``limb_angles``.
    """
    total = turns.copy()
    for limb, (_, base) in enumerate(LIMBS):
        if base is not None:
            total[..., limb] += total[..., base]
    rotation = np.exp(1j * total)
    result = points.copy()
    for parent, child in BONES:
        limb = rotation[..., _LIMB_OF[child]]
        result[..., child] = result[..., parent] + limb * (points[..., child] - points[..., parent])
    for joints, (wrist, limb) in zip(hand_slices(points.shape[2]), _HANDS, strict=False):
        hand = points[..., joints] - points[..., wrist, None]
        result[..., joints] = result[..., wrist, None] + rotation[..., limb, None] * hand
    return np.asarray(result + (pelvis(points) - pelvis(result))[..., None])


def mixed(first: Points, second: Points, share: npt.NDArray[np.float64] | float) -> Points:
    """Mix two motions frame by frame: limbs turn the shorter way instead of shrinking through the middle.

    Args:
        first, second: of equal shape.
        share: 0..1 of ``second``, a number or ``(frames,)``.
    """
    weight = np.broadcast_to(np.asarray(share, np.float64)[..., None], (len(first), 1))
    result = np.empty_like(first)
    result[..., NECK] = first[..., NECK] + weight * (second[..., NECK] - first[..., NECK])
    for parent, child in BONES:
        bone = _mixed_vectors(first[..., child] - first[..., parent], second[..., child] - second[..., parent], weight)
        result[..., child] = result[..., parent] + bone
    for joints, (wrist, _) in zip(hand_slices(first.shape[2]), _HANDS, strict=False):
        one, other = (points[..., joints] - points[..., wrist, None] for points in (first, second))
        result[..., joints] = result[..., wrist, None] + one + weight[..., None] * (other - one)
    return result


def _mixed_vectors(first: Points, second: Points, weight: npt.NDArray[np.float64]) -> Points:
    turn = np.angle(second * first.conj())
    if len(turn):  # two vectors that pass through opposite directions must not swap the shorter way
        turn = np.unwrap(turn, axis=0)
        turn -= 2 * np.pi * np.round(np.median(turn, axis=0) / (2 * np.pi))
    length = np.abs(first) + weight * (np.abs(second) - np.abs(first))
    start = np.where(np.abs(first) > 0, np.angle(first), np.angle(second))
    return np.asarray(length * np.exp(1j * (start + np.where(np.abs(first) > 0, weight * turn, 0))))


def bend_side(bone: Points, limb: Points) -> npt.NDArray[np.float64]:
    """To which side of a limb its joint lies: 1 or -1; 1 where it is straight.

    Args:
        bone: from the limb's root to its joint.
        limb: from its root to its end.
    """
    return np.where((limb.conj() * bone).imag < 0, -1.0, 1.0)


def bent_bone(
    limb: Points, upper: npt.NDArray[np.float64], lower: npt.NDArray[np.float64], side: npt.NDArray[np.float64]
) -> Points:
    """The upper of two bones whose end is at ``limb``, both seen from the limb's root, by the law of cosines.

    Out of reach it points along the limb.

    Args:
        limb: from the root to the end, of any length.
        upper, lower: lengths of the bones.
        side: 1 or -1, see ``bend_side``.
    """
    reach = np.maximum(np.abs(limb), 1e-9)
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0))
    return np.asarray((limb / reach) * (along + 1j * side * across))


def body_heights(points: Points) -> npt.NDArray[np.float64]:
    """About how tall each person is in the picture, in frame heights ``(people,)``; never 0.

    Three torso lengths, or half as much again as the extent of the joints where no hips are seen.
    """
    if not len(points):
        return np.ones(points.shape[1])
    torso = np.median(np.abs(points[..., NECK] - pelvis(points)), axis=0)
    body = points[..., : len(BODY_JOINTS)]
    extent = np.median(np.hypot(np.ptp(body.real, axis=2), np.ptp(body.imag, axis=2)), axis=0)
    return np.asarray(np.maximum(np.where(torso > 0, 3 * torso, 1.5 * extent), 1e-3))
