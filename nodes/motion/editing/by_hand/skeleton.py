"""What a body does when one of its joints is moved: bones keep the lengths that they have in that frame.

A joint that is missing moves nothing and is not moved; a limb that lacks the joint it would turn about goes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...body import BONES, HIPS, NECK, PARTS
from ...limbs import Points, bend_side, bent_bone, hand_slices, tree
from ...motion import BODY_JOINTS
from .joints import NUMBERS

Seen: TypeAlias = npt.NDArray[np.bool_]
"""``(rows, joints)``."""

Places: TypeAlias = npt.NDArray[np.complex128]
"""Of one joint, ``(rows,)``."""

Lengths: TypeAlias = npt.NDArray[np.float64]

_GIVE = 0.009
"""Of its length, by which a bone may give way where a limb is not believed as it was found.

A limb that is nearly straight, of bones that tremble by less than this, would wave its elbow by ten times as much.
"""

_HEAD = PARTS["head"]
_ARMS = ((2, 3, 4), (5, 6, 7))  # shoulder, elbow, wrist
_LEGS = ((8, 9, 10), (11, 12, 13))  # hip, knee, ankle
_LIMBS = (*_ARMS, *_LEGS)
ENDS = tuple(BODY_JOINTS[limb[2]] for limb in _LIMBS)
"""Wrists and ankles: what limbs reach with."""


@dataclass(frozen=True, eq=False)
class Limbs:
    """Limbs of two bones, one in each row; all 0 where that of the body counts as it was found.

    Attributes:
        upper, lower: lengths of their bones.
        bend: the elbow or knee, where the root is 0 and the end is 1.
    """

    upper: Lengths
    lower: Lengths
    bend: Places

    def __getitem__(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Limbs:
        return Limbs(self.upper[rows], self.lower[rows], self.bend[rows])

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return self.upper > 0

    def reaching(self, wish: Places) -> tuple[Lengths, Lengths, Lengths]:
        """Lengths of both bones, and the side to which they bend, of a limb from 0 to ``wish``.

        Its bones give way, as far as they may, to keep the bend.
        """
        ways = (self.upper, self.bend), (self.lower, 1 - self.bend)
        upper, lower = (
            np.clip(np.abs(part * wish), length * (1 - _GIVE), length * (1 + _GIVE)) for length, part in ways
        )
        return upper, lower, np.where(self.bend.imag < 0, -1.0, 1.0)


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
    """Where a joint is, and whether that is seen: the middle of the hips that are seen for ``pelvis`` and ``body``."""
    if joint not in ("pelvis", "body"):
        return points[:, NUMBERS[joint]], seen[:, NUMBERS[joint]]
    hips = seen[:, HIPS]
    middle = (points[:, HIPS] * hips).sum(axis=1) / np.maximum(hips.sum(axis=1), 1)
    return np.asarray(middle), np.asarray(hips.any(axis=1))


def limbs_behind(points: Points, seen: Seen, joint: str) -> tuple[Limbs, npt.NDArray[np.bool_]]:
    """The limb behind a wrist or ankle, and where all of it is seen."""
    first, middle, end = next(limb for limb in _LIMBS if NUMBERS[joint] == limb[2])
    whole, upper = points[:, end] - points[:, first], points[:, middle] - points[:, first]
    bend = upper / np.where(np.abs(whole) > 1e-9, whole, 1)
    limbs = Limbs(np.abs(upper), np.abs(points[:, end] - points[:, middle]), bend)
    return limbs, seen[:, first] & seen[:, middle] & seen[:, end]


def dragged(points: Points, seen: Seen, joint: str, by: Places, limbs: Limbs | None = None) -> Points:
    """Move a joint, and with it what a body moves with it.

    Wrists and ankles are reached for with two bones, the nearest they get, bent to the side that they are bent to now;
    a pelvis or hip leaves the ankles where they are. All else turns about the joint that it hangs on.

    Args:
        points: ``(rows, 18 or 60)``, each row a body; the places of missing joints do not matter.
        seen: which joints are there.
        joint: one of ``joints.JOINTS``.
        by: how far, for each row.
        limbs: what the limb behind a wrist or ankle is like, in place of what ``points`` say; see ``Limbs``.
    """
    if joint == "body":
        return points + by[:, None]
    if joint == "pelvis":
        return _pelvis(points, seen, by)
    if joint == "neck":
        upper = [*range(8), *_HEAD[1:], *range(len(BODY_JOINTS), points.shape[1])]
        pelvis, known = place_of(points, seen, "pelvis")
        return _turned(points, pelvis, known, NECK, by, upper)
    number = NUMBERS[joint]
    if number >= len(BODY_JOINTS):
        return _finger(points, seen, number, by)
    if number in _HEAD:
        return _turned(points, points[:, NECK], seen[:, NECK], number, by, _HEAD)
    limb = next(limb for limb in _LIMBS if number in limb)
    root, middle, end = limb
    hand = _hand(points, end)
    if number == end:
        return _reaching(points, seen, limb, by, hand, limbs)
    if number == middle:
        return _turned(points, points[:, root], seen[:, root], middle, by, (middle, end, *hand))
    is_leg = limb in _LEGS
    moved = _turned(points, points[:, NECK], seen[:, NECK], root, by, (root,) if is_leg else (*limb, *hand))
    return _standing(points, moved, seen, limb) if is_leg else moved


def stretched(points: Points, joint: str, by: Places) -> Points:
    """Move a joint alone; both hips for ``pelvis``, everything for ``body``."""
    result = points.copy()
    which = list(HIPS) if joint == "pelvis" else slice(None) if joint == "body" else [NUMBERS[joint]]
    result[:, which] += by[:, None]
    return result


def _hand(points: Points, wrist: int) -> list[int]:
    """Joints of the hand behind a wrist; none behind an ankle, nor without hands."""
    return [child for parent, child in tree(points.shape[1])[len(BONES) :] if parent == wrist]


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


def _reaching(
    points: Points,
    seen: Seen,
    limb: tuple[int, int, int],
    by: Places,
    hand: list[int],
    limbs: Limbs | None,
) -> Points:
    first, elbow, wrist = limb
    result = _reached(points, seen, limb, points[:, first], points[:, wrist] + by, limbs)
    turn = _unit((result[:, wrist] - result[:, elbow]) * (points[:, wrist] - points[:, elbow]).conj())
    turn = np.where(seen[:, elbow], turn, 1)[:, None]
    result[:, hand] = result[:, [wrist]] + turn * (points[:, hand] - points[:, [wrist]])
    return result


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


def _reached(
    points: Points,
    seen: Seen,
    limb: tuple[int, int, int],
    root: Places,
    goal: Places,
    limbs: Limbs | None = None,
) -> Points:
    """Bend a limb so that its end comes as near to a goal as its bones allow.

    Where its root is missing, the lower bone turns about the middle joint; where that is missing, the end just moves.

    Args:
        root: where the limb's root is now; the bones are as long as they are in ``points``.
        limbs: instead of those in ``points``.
    """
    first, middle, end = limb
    upper, lower = points[:, middle] - points[:, first], points[:, end] - points[:, middle]
    old = points[:, end] - points[:, first]
    wish = goal - root
    long, short, side = np.abs(upper), np.abs(lower), bend_side(upper, old)
    if limbs is not None:
        believed = ((long, short, side), limbs.reaching(wish))
        long, short, side = (np.where(limbs.known, new, found) for found, new in zip(*believed, strict=True))
    aim = np.where(np.abs(wish) > 1e-12, _unit(wish), _unit(old))
    # Never quite on the root, where a limb would point nowhere.
    new = aim * np.clip(np.abs(wish), np.maximum(np.abs(long - short), 1e-6), np.maximum(long + short, 1e-6))
    bent = root + bent_bone(new, long, short, side)
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
