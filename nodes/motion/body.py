"""The body behind OpenPose-18: bones, sides and parts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .motion import BODY_JOINTS, HAND_JOINTS, Keypoints

NECK = BODY_JOINTS.index("neck")
HIPS = (BODY_JOINTS.index("right_hip"), BODY_JOINTS.index("left_hip"))
ANKLES = (BODY_JOINTS.index("right_ankle"), BODY_JOINTS.index("left_ankle"))

BONES = (
    (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7),
    (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""Parent and child joint, from the neck outwards; a parent comes before its children."""

PARTS: dict[str, tuple[int, ...]] = {
    "arms": (3, 4, 6, 7),
    "legs": (9, 10, 12, 13),
    "torso": (1, 2, 5, 8, 11),
    "head": (0, 14, 15, 16, 17),
}
"""Joints of each part of the body; every joint belongs to one."""

_LEFT_HAND = len(BODY_JOINTS)
_RIGHT_HAND = _LEFT_HAND + HAND_JOINTS


def mirrored_order(joints: int) -> npt.NDArray[np.intp]:
    """For each of 18 or 60 joints the number of its counterpart on the other side."""
    names = {name: index for index, name in enumerate(BODY_JOINTS)}
    swap = {"left": "right", "right": "left"}
    body = [names.get(_other_side(name, swap), index) for index, name in enumerate(BODY_JOINTS)]
    hands = [*range(_RIGHT_HAND, _RIGHT_HAND + HAND_JOINTS), *range(_LEFT_HAND, _RIGHT_HAND)]
    return np.array((body + hands)[:joints])


def _other_side(name: str, swap: dict[str, str]) -> str:
    side, _, rest = name.partition("_")
    return f"{swap[side]}_{rest}" if side in swap else name


def in_heights(keypoints: Keypoints, aspect: float) -> npt.NDArray[np.float64]:
    """Positions ``(…, 2)`` in frame heights, in which a length is the same across and down.

    Args:
        keypoints: ``(…, 3)`` in fractions of the frame.
        aspect: the frame's width over its height.
    """
    return np.asarray(keypoints[..., :2] * np.array((aspect, 1.0)), np.float64)
