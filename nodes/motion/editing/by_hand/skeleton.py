"""What a body does when one of its joints is moved: bones keep the lengths that they have in that frame.

A joint that is missing moves nothing and is not moved; a limb that lacks the joint it would turn about goes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...body import HIPS, NECK, PARTS
from ...limbs import Points, bend_side, bent_bone, hand_slices
from ...motion import BODY_JOINTS
from .joints import NUMBERS

Seen: TypeAlias = npt.NDArray[np.bool_]
"""``(rows, joints)``."""

Places: TypeAlias = npt.NDArray[np.complex128]
"""Of one joint, ``(rows,)``."""

_HEAD = PARTS["head"]
_ARMS = ((2, 3, 4), (5, 6, 7))  # shoulder, elbow, wrist
_LEGS = ((8, 9, 10), (11, 12, 13))  # hip, knee, ankle
_FINGER = 4  # joints; the thumb's begin at 1
_BELOW_HIPS = tuple(joint for _, *below in _LEGS for joint in below)

ORDER = (
    "body", "pelvis", "neck", "right_hip", "left_hip", "right_shoulder", "left_shoulder",
    "nose", "right_eye", "left_eye", "right_ear", "left_ear",
    "right_elbow", "left_elbow", "right_knee", "left_knee",
    "right_wrist", "left_wrist", "right_ankle", "left_ankle",
    *(name for name in NUMBERS if "_hand_" in name),
)  # fmt: skip
"""In which tracks are applied: what others hang on comes first."""


def place_of(points: Points, seen: Seen, joint: str) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Where a joint is, and whether it is seen: the middle of the hips that are seen for ``pelvis`` and ``body``."""
    if joint not in ("pelvis", "body"):
        return points[:, NUMBERS[joint]], seen[:, NUMBERS[joint]]
    hips = seen[:, HIPS]
    middle = (points[:, HIPS] * hips).sum(axis=1) / np.maximum(hips.sum(axis=1), 1)
    return np.asarray(middle), np.asarray(hips.any(axis=1) if joint == "pelvis" else seen.any(axis=1))


def dragged(points: Points, seen: Seen, joint: str, by: Places) -> Points:
    """Move a joint, and with it what a body moves with it.

    Wrists and ankles are reached for with two bones, the nearest they get, bent to the side that they are bent to now;
    a pelvis or hip leaves the ankles where they are. All else turns about the joint that it hangs on.

    Args:
        points: ``(rows, 18 or 60)``, each row a body; the places of missing joints do not matter.
        seen: which joints are there.
        joint: one of ``joints.JOINTS``.
        by: how far, for each row.
    """
    if joint == "body":
        return points + by[:, None]
    if joint == "pelvis":
        return _pelvis(points, seen, by)
    if joint == "neck":
        upper = [*range(8), *_HEAD[1:], *range(len(BODY_JOINTS), points.shape[1])]
        middle, known = place_of(points, seen, "pelvis")
        return _turned(points, middle, known, NECK, by, upper)
    number = NUMBERS[joint]
    if number >= len(BODY_JOINTS):
        return _finger(points, seen, number, by)
    if number in _HEAD:
        return _turned(points, points[:, NECK], seen[:, NECK], number, by, _HEAD)
    for side, arm in enumerate(_ARMS):
        if number in arm:
            return _arm(points, seen, arm, arm.index(number), by, _hand(points, side))
    leg = next(leg for leg in _LEGS if number in leg)
    return _leg(points, seen, leg, leg.index(number), by)


def stretched(points: Points, joint: str, by: Places) -> Points:
    """Move a joint alone; both hips for ``pelvis``, everything for ``body``."""
    result = points.copy()
    which = list(HIPS) if joint == "pelvis" else slice(None) if joint == "body" else [NUMBERS[joint]]
    result[:, which] += by[:, None]
    return result


def _hand(points: Points, side: int) -> list[int]:
    """Joints of the right (0) or the left hand (1)."""
    hands = hand_slices(points.shape[1])
    return list(range(points.shape[1]))[hands[1 - side]] if hands else []


def _turned(
    points: Points, pivot: Places, known: npt.NDArray[np.bool_], joint: int, by: Places, along: Sequence[int]
) -> Points:
    """Turn joints about a pivot, until the one that is moved lies in the direction of its goal; else move them."""
    result, which = points.copy(), list(along)
    arm = points[:, joint] - pivot
    turn = _unit((arm + by) * arm.conj())
    turned = pivot[:, None] + turn[:, None] * (points[:, which] - pivot[:, None])
    result[:, which] = np.where(known[:, None], turned, points[:, which] + by[:, None])
    return result


def _unit(vectors: Places) -> Places:
    length = np.abs(vectors)
    return np.where(length > 1e-12, vectors / np.maximum(length, 1e-12), 1)


def _arm(points: Points, seen: Seen, arm: tuple[int, int, int], place: int, by: Places, hand: list[int]) -> Points:
    if place == 0:
        return _turned(points, points[:, NECK], seen[:, NECK], arm[0], by, (*arm, *hand))
    if place == 1:
        return _turned(points, points[:, arm[0]], seen[:, arm[0]], arm[1], by, (*arm[1:], *hand))
    result = _reached(points, seen, arm, points[:, arm[0]], points[:, arm[2]] + by)
    if hand:
        _, elbow, wrist = arm
        turn = _unit((result[:, wrist] - result[:, elbow]) * (points[:, wrist] - points[:, elbow]).conj())
        turn = np.where(seen[:, elbow], turn, 1)[:, None]
        result[:, hand] = result[:, [wrist]] + turn * (points[:, hand] - points[:, [wrist]])
    return result


def _leg(points: Points, seen: Seen, leg: tuple[int, int, int], place: int, by: Places) -> Points:
    if place == 0:
        moved = _turned(points, points[:, NECK], seen[:, NECK], leg[0], by, leg[:1])
        return _standing(points, moved, seen, leg)
    if place == 1:
        return _turned(points, points[:, leg[0]], seen[:, leg[0]], leg[1], by, leg[1:])
    return _reached(points, seen, leg, points[:, leg[0]], points[:, leg[2]] + by)


def _pelvis(points: Points, seen: Seen, by: Places) -> Points:
    upper = [joint for joint in range(points.shape[1]) if joint not in _BELOW_HIPS]
    moved = points.copy()
    moved[:, upper] += by[:, None]
    for leg in _LEGS:
        moved = _standing(points, moved, seen, leg)
    return moved


def _standing(points: Points, moved: Points, seen: Seen, leg: tuple[int, int, int]) -> Points:
    """The leg after its hip has moved: the ankle stays; a knee without ankle goes along."""
    hip, knee, ankle = leg
    result = _reached(points, seen, leg, moved[:, hip], points[:, ankle])
    by = moved[:, hip] - points[:, hip]
    result[:, knee] = np.where(seen[:, hip] & ~seen[:, ankle], points[:, knee] + by, result[:, knee])
    others = [joint for joint in range(points.shape[1]) if joint not in (knee, ankle)]
    result[:, others] = moved[:, others]
    return result


def _reached(points: Points, seen: Seen, limb: tuple[int, int, int], root: Places, goal: Places) -> Points:
    """Bend a limb so that its end comes as near to a goal as its bones allow.

    Where its root is missing, the lower bone turns about the middle joint; where that is missing, the end just moves.

    Args:
        root: where the limb's root is now; the bones are as long as they are in ``points``.
    """
    first, middle, end = limb
    upper, lower = points[:, middle] - points[:, first], points[:, end] - points[:, middle]
    long, short = np.abs(upper), np.abs(lower)
    old = points[:, end] - points[:, first]
    wish = goal - root
    aim = np.where(np.abs(wish) > 1e-12, _unit(wish), _unit(old))
    # Never quite on the root, where a limb would point nowhere.
    new = aim * np.clip(np.abs(wish), np.maximum(np.abs(long - short), 1e-6), np.maximum(long + short, 1e-6))
    bent = root + bent_bone(new, long, short, bend_side(upper, old))
    about = points[:, middle] + short * _unit(goal - points[:, middle])
    whole, lone = seen[:, first] & seen[:, middle], seen[:, middle]
    result = points.copy()
    result[:, middle] = np.where(whole & seen[:, end], bent, points[:, middle])
    result[:, end] = np.where(whole, root + new, np.where(lone, about, goal))
    return result


def _finger(points: Points, seen: Seen, number: int, by: Places) -> Points:
    """Turn a finger's joint about the one before it, with the rest of the finger; the hand's root moves the hand."""
    hand = next(h for h in hand_slices(points.shape[1]) if h.start <= number < h.stop)
    place = (number - hand.start - 1) % _FINGER
    if number == hand.start:
        result = points.copy()
        result[:, hand] += by[:, None]
        return result
    parent = number - 1 if place else hand.start
    return _turned(points, points[:, parent], seen[:, parent], number, by, range(number, number + _FINGER - place))
