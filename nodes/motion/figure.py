"""A figure as tapered capsules around its bones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .body import NECK
from .limbs import hand_slices
from .motion import BODY_JOINTS, HAND_JOINTS, Keypoints

Pixels: TypeAlias = npt.NDArray[np.float64]
Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

LIMB_ORDER = ("right leg", "left leg", "torso", "head", "right arm", "left arm")
"""From back to front, where nothing tells who is in front."""


@dataclass(frozen=True)
class PartKind:
    """A piece of a body that moves as one.

    Attributes:
        name: for people.
        limb: index in ``LIMB_ORDER``.
        joints: OpenPose-18 joints at its ends; those of torso and head are worked out.
        radii: at its ends, in body scales (see ``body_scale``).
        parent: index in ``BODY_PARTS`` of the part that it hangs on; -1 for the torso.
    """

    name: str
    limb: int
    joints: tuple[int, int]
    radii: tuple[float, float]
    parent: int


# Radii as measured on the figures of the demo model; those of people in clothes are found by ``matte``.
BODY_PARTS = (
    PartKind("right thigh", 0, (8, 9), (0.15, 0.115), 4),
    PartKind("right shank", 0, (9, 10), (0.115, 0.10), 0),
    PartKind("left thigh", 1, (11, 12), (0.15, 0.115), 4),
    PartKind("left shank", 1, (12, 13), (0.115, 0.10), 2),
    PartKind("torso", 2, (1, 8), (0.20, 0.18), -1),
    PartKind("head", 3, (1, 0), (0.10, 0.22), 4),
    PartKind("right upper arm", 4, (2, 3), (0.115, 0.095), 4),
    PartKind("right forearm", 4, (3, 4), (0.095, 0.09), 6),
    PartKind("left upper arm", 5, (5, 6), (0.115, 0.095), 4),
    PartKind("left forearm", 5, (6, 7), (0.095, 0.09), 8),
    PartKind("right hand", 4, (4, 4), (0.07, 0.09), 7),
    PartKind("left hand", 5, (7, 7), (0.07, 0.09), 9),
)
TORSO, HEAD = 4, 5
_LEFT_HAND, _RIGHT_HAND = hand_slices(len(BODY_JOINTS) + 2 * HAND_JOINTS)
HANDS = {10: _RIGHT_HAND, 11: _LEFT_HAND}
"""Kinds of parts that end at no joint of the body, and their joints."""

_TOUCHING = {(0, 1), (2, 3), (0, 4), (2, 4), (4, 5), (4, 6), (4, 8), (6, 7), (8, 9), (0, 2), (7, 10), (9, 11)}
_HIPS, _SHOULDERS = (8, 11), (2, 5)
_FACE = (0, 14, 15, 16, 17)
_KNUCKLES = (5, 9, 13, 17)
_FINGERS = 1.7  # from wrist over knuckles to where bent fingers end, in palms
_SKULL = 0.07  # from the face's middle to the head's end, in body scales
_SHOULDER_MARGIN, _HIP_MARGIN = 0.12, 0.15  # from joint to outline, in body scales
# Bones and how many of them make up the distance from neck to hips.
_YARDSTICKS = ((8, 9, 1.15), (11, 12, 1.15), (9, 10, 1.2), (12, 13, 1.2), (2, 5, 1.3), (2, 3, 1.6), (5, 6, 1.6))
_FEWEST_JOINTS = 3


@dataclass(frozen=True, eq=False)
class BodyPart:
    """A part of a person in a frame.

    Attributes:
        person: whose.
        kind: index in ``BODY_PARTS``.
        start, end: of its bone, ``(2,)`` in pixels.
        radii: at both ends, in pixels.
        scale: the person's body scale in pixels.
    """

    person: int
    kind: int
    start: Pixels
    end: Pixels
    radii: tuple[float, float]
    scale: float

    @property
    def key(self) -> tuple[int, int]:
        """The same in every frame."""
        return self.person, self.kind

    @property
    def limb(self) -> tuple[int, int]:
        """Person and limb."""
        return self.person, BODY_PARTS[self.kind].limb

    @property
    def ends(self) -> tuple[tuple[Pixels, float], tuple[Pixels, float]]:
        """Both ends and the radii there, in pixels."""
        return (self.start, self.radii[0]), (self.end, self.radii[1])

    @cached_property
    def bone(self) -> complex:
        """From start to end, as x + iy."""
        return complex(*(self.end - self.start))


def touch(first: int, second: int) -> bool:
    """Whether two kinds of parts meet at a joint."""
    return (first, second) in _TOUCHING or (second, first) in _TOUCHING


def joint_between(first: BodyPart, second: BodyPart) -> tuple[Pixels, float]:
    """Where two touching parts meet, and the radius there, in pixels.

    Limbs join the torso away from its bone: the place is the thinner one's end.
    """
    pairs = [(float(np.hypot(*(p - q))), (p, a), (q, b)) for p, a in first.ends for q, b in second.ends]
    _, one, other = min(pairs, key=lambda pair: pair[0])
    return one if one[1] < other[1] else other


def figure_parts(people: Keypoints, size: Size) -> list[BodyPart]:
    """The parts of all people that can be told.

    Args:
        people: ``(people, 18 or more, 3)`` in fractions of the frame.
        size: of the frame.
    """
    return [part for person, joints in enumerate(people) for part in _parts_of(person, joints, size)]


def _parts_of(person: int, joints: Keypoints, size: Size) -> list[BodyPart]:
    points, found = joints[:, :2].astype(np.float64) * size, joints[:, 2] > 0
    if found[:18].sum() < _FEWEST_JOINTS:
        return []
    scale = body_scale(points, found)
    made = []
    for kind, told in enumerate(BODY_PARTS):
        start, end = _ends(kind, points, found, scale)
        if start is None or end is None:
            continue
        radii = (told.radii[0] * scale, told.radii[1] * scale)
        if kind == TORSO:
            radii = _torso_radii(points, found, end - start, scale)
        made.append(BodyPart(person, kind, start, end, radii, scale))
    return made


def body_scale(points: Pixels, found: npt.NDArray[np.bool_]) -> float:
    """The length of the torso in pixels times 1.2, by the longest of several bones: short ones point at the camera."""
    lengths = [many * np.hypot(*(points[a] - points[b])) for a, b, many in _YARDSTICKS if found[a] and found[b]]
    if found[[NECK, *_HIPS]].all():
        lengths.append(np.hypot(*(points[NECK] - points[list(_HIPS)].mean(axis=0))))
    return 1.2 * max(lengths, default=1e-3)


def _ends(kind: int, points: Pixels, found: npt.NDArray[np.bool_], scale: float) -> tuple[Pixels | None, Pixels | None]:
    neck = points[NECK] if found[NECK] else None
    if kind == TORSO:
        return neck, points[list(_HIPS)].mean(axis=0) if found[list(_HIPS)].all() else None
    if kind == HEAD:
        face = [joint for joint in _FACE if found[joint]]
        if neck is None or not face:
            return neck, None
        middle = points[face].mean(axis=0)
        up = middle - neck
        return neck, middle + _SKULL * scale * up / (np.hypot(*up) + 1e-6)
    start, end = (points[joint] if found[joint] else None for joint in BODY_PARTS[kind].joints)
    if kind in HANDS:
        return start, _fingers(points[HANDS[kind]], found[HANDS[kind]])
    return start, end


def _fingers(hand: Pixels, found: npt.NDArray[np.bool_]) -> Pixels | None:
    """Where a hand ends; ``None`` without a wrist and knuckles of its own."""
    knuckles = [joint for joint in _KNUCKLES if joint < len(found) and found[joint]]
    if not knuckles or not found[0]:
        return None
    return np.asarray(hand[0] + _FINGERS * (hand[knuckles].mean(axis=0) - hand[0]))


def _torso_radii(points: Pixels, found: npt.NDArray[np.bool_], bone: Pixels, scale: float) -> tuple[float, float]:
    """Half the widths of shoulders and hips, seen along the torso's bone."""
    along = bone / (np.hypot(*bone) + 1e-6)
    across = np.array((-along[1], along[0]))
    widths = [
        abs(float((points[left] - points[right]) @ across)) / 2 if found[left] and found[right] else 0.0
        for right, left in (_SHOULDERS, _HIPS)
    ]
    least = BODY_PARTS[TORSO].radii
    return (
        max(widths[0] + _SHOULDER_MARGIN * scale, least[0] * scale),
        max(widths[1] + _HIP_MARGIN * scale, least[1] * scale),
    )
