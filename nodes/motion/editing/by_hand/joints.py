"""The joints that an edit can name."""

from __future__ import annotations

from ...body import HIPS
from ...cleaning.repair import joint_name
from ...motion import BODY_JOINTS, HAND_JOINTS

ALL_JOINTS = len(BODY_JOINTS) + 2 * HAND_JOINTS
NUMBERS = {joint_name(joint): joint for joint in range(ALL_JOINTS)}
"""Of every joint by its name."""

JOINTS = (*NUMBERS, "pelvis", "body")
"""What an edit can name: every joint, the middle of the hips, the whole person."""


def numbers(joint: str, joints: int) -> list[int]:
    """The joints behind a name, of a motion with 18 or 60; none where the motion has no hands."""
    if joint == "body":
        return list(range(joints))
    if joint == "pelvis":
        return list(HIPS)
    return [NUMBERS[joint]] if NUMBERS[joint] < joints else []
