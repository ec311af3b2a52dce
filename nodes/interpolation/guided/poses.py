"""Who is where at the times of an output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...errors import InputError
from ...keyframes.keyframes import Keyframes
from ...motion.editing.timing import resample
from ...motion.motion import BODY_JOINTS, Keypoints, Motion


def poses_at(motion: Motion, shot: tuple[int, int], times: Sequence[Fraction]) -> Keypoints:
    """The bodies at some times of a shot, ``(times, people, 18, 3)``.

    Args:
        motion: on the grid of the clip.
        shot: its first and last frame.
        times: in frames of the grid; those outside of the shot are moved to its ends.
    """
    first, last = shot
    within = replace(motion, keypoints=motion.keypoints[first : last + 1, :, : len(BODY_JOINTS)])
    return resample(within, np.array([float(time - first) for time in times])).keypoints


def check_motion(motion: Motion, keyframes: Keyframes) -> None:
    """Whether a motion is that of the clip of which a plan tells.

    Raises:
        InputError: another number of frames, or another rate.
    """
    if motion.frame_count != keyframes.frame_count:
        allowed = f"{keyframes.frame_count} frames, as the plan of the keyframes has"
        remedy = "Connect the motion that Draw Pose got, and the keyframes that were planned with it."
        raise InputError("motion", f"{motion.frame_count} frames", allowed, remedy)
    if motion.frame_rate != keyframes.frame_rate:
        allowed = f"{float(keyframes.frame_rate):g}, as the plan of the keyframes has"
        raise InputError("motion", f"{float(motion.frame_rate):g} frames per second", allowed)
