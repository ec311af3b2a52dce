"""Two motions, brought into step and blended."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import cdist

from ...errors import InputError
from ..limbs import body_heights, mixed, pelvis, to_keypoints, to_points
from ..motion import BODY_JOINTS, Motion
from .timing import Times, resample

_FINEST = 1000  # moments that are compared; a longer motion is aligned coarser
_EVENNESS = (
    0.02  # of the mean distance: what the far end of an uneven course costs, so that a still motion is not warped
)


def blend(first: Motion, second: Motion, weight: float, in_step: bool = True) -> Motion:
    """Blend two motions after bringing them into step.

    The timing is blended like the poses: at weight 0 the result lasts as long as ``first``, at 1 as long as ``second``,
    always at the frame rate and in the frame of ``first``. People are matched by their number; those and the joints
    that only one motion has are left out, and a joint is missing where one of them lacks it.

    Args:
        first, second: motions of one frame and one person at least.
        weight: 0..1 of ``second``.
        in_step: align by dynamic time warping (see ``align``); else only the lengths are matched.

    Raises:
        InputError: a motion is empty, or ``weight`` is outside 0..1.
    """
    if not 0 <= weight <= 1:
        raise InputError("weight", f"{weight:g}", "0 to 1")
    for name, motion in (("motion_a", first), ("motion_b", second)):
        if motion.keypoints.size == 0:
            found = f"{motion.frame_count} frames of {motion.people} people"
            raise InputError(name, found, "a motion of one frame and one person or more")
    first, second = _common(first, second)
    one, other = align(first, second) if in_step else _evenly(first.frame_count, second.frame_count)
    one, other = _course(one, other, (first.frame_rate, second.frame_rate), weight)
    a, b = resample(first, one), resample(second, other)
    points = mixed(to_points(a), to_points(b), weight)
    confidence = a.keypoints[..., 2] * (1 - weight) + b.keypoints[..., 2] * weight
    like = a.keypoints.copy()
    like[..., 2] = np.where((a.keypoints[..., 2] > 0) & (b.keypoints[..., 2] > 0), confidence, 0)
    return first.with_keypoints(to_keypoints(points, like, first.width / first.height))


def align(first: Motion, second: Motion) -> tuple[Times, Times]:
    """Frames of two motions that show the same moment, from both first to both last frames.

    Dynamic time warping (Sakoe and Chiba, IEEE Trans. ASSP 26(1), 1978; symmetric, slope constraint P = 1) of poses
    relative to the pelvis and to the size of the body, after both were stretched to one length: from there either runs
    at most twice as fast as the other.

    Returns:
        Two rising arrays of frames, one of each motion, of equal length.
    """
    count = min(max(first.frame_count, second.frame_count), _FINEST)
    if count < 3:
        return _evenly(first.frame_count, second.frame_count)
    even = [np.linspace(0, motion.frame_count - 1, count) for motion in (first, second)]
    one, other = (_features(resample(motion, at)) for motion, at in zip((first, second), even, strict=True))
    path = _smoothed(_warp(cdist(one, other)))
    times = [np.interp(course, np.arange(count), at) for course, at in zip(path, even, strict=True)]
    return times[0], times[1]


def _common(first: Motion, second: Motion) -> tuple[Motion, Motion]:
    people, joints = (min(first.keypoints.shape[axis], second.keypoints.shape[axis]) for axis in (1, 2))
    one, other = (motion.with_keypoints(motion.keypoints[:, :people, :joints]) for motion in (first, second))
    return one, other


def _evenly(first: int, second: int) -> tuple[Times, Times]:
    count = max(first, second, 2)
    return np.linspace(0, first - 1, count), np.linspace(0, second - 1, count)


def _features(motion: Motion) -> npt.NDArray[np.float64]:
    """Poses ``(frames, features)`` in body sizes, without the place in the frame."""
    points = to_points(motion)[..., : len(BODY_JOINTS)]
    pose = (points - pelvis(points)[..., None]) / body_heights(points)[:, None]
    flat = pose.reshape(len(pose), -1)
    return np.concatenate((flat.real, flat.imag), axis=1)


def _warp(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The cheapest path ``(2, steps)`` through a square of distances, in steps of (1, 1), (1, 2) and (2, 1).

    Each step comes from one or two rows above, so that a row is computed at once.
    """
    count = len(distance)
    off_course = np.abs(np.subtract.outer(np.arange(count), np.arange(count))) / count
    cost = distance + _EVENNESS * distance.mean() * off_course
    total = np.full((count, count), np.inf)
    step = np.zeros((count, count), np.int8)
    total[0, 0] = cost[0, 0]
    for row in range(1, count):
        ways = np.full((3, count), np.inf)
        ways[0, 1:] = total[row - 1, :-1] + 2 * cost[row, 1:]
        ways[1, 2:] = total[row - 1, :-2] + 2 * cost[row, 1:-1] + cost[row, 2:]
        if row > 1:
            ways[2, 1:] = total[row - 2, :-1] + 2 * cost[row - 1, 1:] + cost[row, 1:]
        step[row] = ways.argmin(axis=0)
        total[row] = ways.min(axis=0)
    return _traced(step)


def _traced(step: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
    row = column = len(step) - 1
    path = [(row, column)]
    while row > 0 and column > 0:
        down, right = ((1, 1), (1, 2), (2, 1))[step[row, column]]
        row, column = row - down, column - right
        path.append((row, column))
    return np.array(path[::-1]).T


def _smoothed(path: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The path without its corners, which would be jolts in time. Rising stays rising, and the ends stay."""
    reach = 3 * 4
    padded = np.pad(path.astype(np.float64), ((0, 0), (reach, reach)), mode="reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(padded, 4.0, axis=1, truncate=3.0)[:, reach:-reach])


def _course(one: Times, other: Times, rates: tuple[Fraction, Fraction], weight: float) -> tuple[Times, Times]:
    """Frames of both motions at each frame of the blend, whose clock runs between theirs."""
    clock = (1 - weight) * one / float(rates[0]) + weight * other / float(rates[1])
    now = np.arange(round(clock[-1] * float(rates[0])) + 1) / float(rates[0])
    return np.interp(now, clock, one), np.interp(now, clock, other)
