"""Who is where at the times of an output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...keyframes.keyframes import Keyframes
from ...motion.editing.timing import resample
from ...motion.figure import HANDS
from ...motion.motion import Keypoints, Motion

_SWING = 0.25  # of the way of the frame before or after, by which a curve through them goes beyond both


def poses_at(motion: Motion, shot: tuple[int, int], times: Sequence[Fraction]) -> Keypoints:
    """The people at some times of a shot, ``(times, people, joints, 3)``.

    Args:
        motion: on the grid of the clip.
        shot: its first and last frame.
        times: in frames of the grid; those outside of the shot are moved to its ends.
    """
    first, last = shot
    within = replace(motion, keypoints=motion.keypoints[first : last + 1])
    places = np.clip([float(time - first) for time in times], 0, last - first)
    return _with_holds(resample(within, places).keypoints, within.keypoints, places)


def steady_hands(motion: Motion, shot: tuple[int, int]) -> Motion:
    """A motion without those hands that are missing in some frame of a shot: a hand that comes and goes is no part."""
    first, last = shot
    keypoints = motion.keypoints.copy()
    for hand in HANDS.values():
        there = keypoints[first : last + 1, :, hand, 2].max(axis=2, initial=0) > 0
        keypoints[:, ~there.all(axis=0), hand] = 0
    return motion.with_keypoints(keypoints)


def _with_holds(found: Keypoints, frames: Keypoints, places: npt.NDArray[np.float64]) -> Keypoints:
    """Poses between frames that swing beyond those on either side no more than the frames around turn there.

    A spline through frames that are held, then snap, sways while it should hold.

    Args:
        found: at ``places``.
        frames: two or more are needed to swing.
        places: in frames.
    """
    if len(frames) < 2:
        return found
    points = frames[..., :2]
    before = np.minimum(places.astype(int), len(frames) - 2)
    steps = np.abs(np.diff(points, axis=0))
    around = steps[np.maximum(before - 1, 0)], steps[np.minimum(before + 1, len(steps) - 1)]
    most = _SWING * np.minimum(*around)
    ends = points[before], points[before + 1]
    limited = np.clip(found[..., :2], np.minimum(*ends) - most, np.maximum(*ends) + most)
    return np.concatenate((limited, found[..., 2:]), axis=-1)


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
