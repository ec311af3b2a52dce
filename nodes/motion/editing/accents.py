"""Where a motion stops or turns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ..body import HIPS
from ..limbs import body_heights, to_points
from ..motion import ALL, BODY_JOINTS, Motion, chosen
from .timing import Seconds

_ENDS = tuple(
    BODY_JOINTS.index(name)
    for name in (
        "nose", "right_wrist", "left_wrist", "right_elbow", "left_elbow",
        "right_ankle", "left_ankle", "right_knee", "left_knee",
    )
)  # fmt: skip
_SMOOTH_SECONDS = 0.02
_SLOWEST = 0.1  # body sizes per second that a joint must have had before it stops
_STILL = 0.4  # of the speed that it loses: from here on it counts as stopped
_REST_SECONDS = 0.1  # that a joint must rest where the clip ends to have stopped
_TOGETHER_SECONDS = 0.06  # joints that stop within about this time stop together
_APART_SECONDS = 0.15  # shortest time between two accents
_WEAKEST = 0.1  # of a strong accent; weaker ones are none


@dataclass(frozen=True, eq=False)
class Accents:
    """Where a motion stops or turns.

    Attributes:
        seconds: rising times from the first frame.
        weights: 0..1 each; 1 where the whole body stops from full swing.
    """

    seconds: Seconds
    weights: npt.NDArray[np.float64]


def find_accents(motion: Motion, person: int = ALL) -> Accents:
    """Find where limbs, head and pelvis stop or turn: their speed falls from a peak into a valley.

    A joint that stays still has its accent where it comes to rest. Each counts as much as it was fast before, and those
    of several joints at about one time are one accent.
    """
    rate = float(motion.frame_rate)
    if motion.frame_count < 3 or not motion.keypoints[:, chosen(person)].size:
        return Accents(np.zeros(0), np.zeros(0))
    points, found = to_points(motion)[:, chosen(person)], motion.keypoints[:, chosen(person), :, 2] > 0
    places = np.concatenate((points[..., _ENDS], points[..., HIPS].mean(axis=2, keepdims=True)), axis=2)
    seen = np.concatenate((found[..., _ENDS], found[..., HIPS].all(axis=2, keepdims=True)), axis=2)
    places = gaussian_filter1d(places, _SMOOTH_SECONDS * rate, axis=0, mode="nearest")
    speed = np.abs(np.diff(places, axis=0)) * rate / body_heights(points)[:, None]
    seen = seen[1:] & seen[:-1]
    stops = np.concatenate([_stops(speed[:, i, k], seen[:, i, k], rate) for i, k in np.ndindex(speed.shape[1:])])
    stops[:, 0] += 0.5 / rate  # a speed is that between two frames
    return _together(stops, motion.frame_count / rate)


def _stops(speed: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_], rate: float) -> npt.NDArray[np.float64]:
    """When a joint stops in seconds, and how much slower it gets ``(stops, 2)``."""
    bursts, _ = find_peaks(speed, prominence=_SLOWEST)
    stops = []
    for burst, following in pairwise([*bursts, len(speed) - 1]):
        part = speed[burst : following + 1]
        drop = float(part[0] - part.min())
        if drop >= _SLOWEST and seen[burst : burst + int(np.argmin(part)) + 1].all():
            stop = _stop(part, drop)
            if following < len(speed) - 1 or part[-1] > part.min() or len(part) - 1 - stop >= _REST_SECONDS * rate:
                stops.append(((burst + stop) / rate, drop))
    return np.array(stops).reshape(-1, 2)


def _stop(speed: npt.NDArray[np.float64], drop: float) -> float:
    """Where in a valley of its speed, which begins with a peak, a joint stops or turns; in frames from there.

    In the middle of a narrow one; where it rests for longer, at the time at which it would stand if it went on braking.
    """
    lowest = int(np.argmin(speed))
    level = speed[lowest] + _STILL * drop
    before = int(np.flatnonzero(speed[:lowest] > level)[-1])
    braking = speed[before] - speed[before + 1]
    first = before + (speed[before] - level) / braking
    rising = np.flatnonzero(speed[lowest:] > level)
    if not len(rising):
        return float(first + level / braking)
    after = lowest + int(rising[0])
    last = after - (speed[after] - level) / (speed[after] - speed[after - 1])
    return float(min(first + level / braking, (first + last) / 2))


def _together(stops: npt.NDArray[np.float64], seconds: float) -> Accents:
    """Stops of several joints as accents of one body."""
    if not len(stops):
        return Accents(np.zeros(0), np.zeros(0))
    step = _TOGETHER_SECONDS / 10
    curve = np.bincount(np.rint(stops[:, 0] / step).astype(np.intp), stops[:, 1], round(seconds / step) + 2)
    curve = np.pad(gaussian_filter1d(curve, _TOGETHER_SECONDS / step, mode="constant"), 1)
    peaks, _ = find_peaks(curve, distance=max(1, round(_APART_SECONDS / step)))
    near = np.abs(stops[:, :1] - (peaks - 1) * step) < _APART_SECONDS / 2
    weights = (near * stops[:, 1:]).sum(axis=0)
    times = (near * stops[:, 1:] * stops[:, :1]).sum(axis=0) / np.maximum(weights, 1e-12)
    strong = np.percentile(weights, 90)
    kept = weights > _WEAKEST * strong
    return Accents(times[kept], np.minimum(weights[kept] / strong, 1))
