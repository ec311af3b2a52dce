"""Jitter, removed without lag."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from ..errors import InputError
from .motion import Keypoints

Positions: TypeAlias = npt.NDArray[np.float64]
"""x and y of contiguous runs of equal length: ``(runs, frames, 2)``."""

Smoother: TypeAlias = Callable[[Positions, int], Positions]
"""Positions and an odd window in frames to smoothed positions."""

LONGEST_WINDOW = Fraction(1)
"""Seconds of motion that strength 1 looks at around each frame."""

_DEGREE = 2  # a parabola keeps the height and the time of a movement's turning points
_SHORTEST = 5  # frames; a parabola through 3 goes through all of them


def smooth(keypoints: Keypoints, frame_rate: Fraction, strength: float, method: str = "savgol") -> Keypoints:
    """Smooth every joint over each contiguous run of frames in which it was found.

    The window is symmetric around each frame, so nothing lags, and spans ``strength`` seconds, so that a strength means
    the same at any frame rate. Between two odd numbers of frames the results of both are mixed. A run shorter than
    the window gets the longest odd window that fits; one shorter than 5 frames stays as it is.

    Args:
        keypoints: ``(frames, people, joints, 3)``, confidence 0 marking a gap. Confidences stay as they are.
        frame_rate: frames per second, above 0.
        strength: 0..1; 0 returns the input as it is.
        method: ``"savgol"``, the local parabola of Savitzky and Golay (Anal. Chem. 36(8), 1964).

    Raises:
        InputError: ``strength`` or ``method`` is none of these.
    """
    if not 0 <= strength <= 1:
        raise InputError("strength", str(strength), "0 to 1")
    if method not in METHODS:
        raise InputError("method", repr(method), ", ".join(METHODS))
    if strength == 0 or keypoints.size == 0:
        return keypoints
    return _smooth_runs(keypoints, strength * float(LONGEST_WINDOW * frame_rate) / 2, METHODS[method])


def _smooth_runs(keypoints: Keypoints, reach: float, smoother: Smoother) -> Keypoints:
    """Smooth with windows of ``reach`` frames to either side."""
    frames = len(keypoints)
    joints = keypoints.reshape(frames, -1, 3).swapaxes(0, 1)
    # An empty frame after each joint's last, so that no run reaches from one joint into the next.
    series = np.pad(joints, ((0, 0), (0, 1), (0, 0)))
    flat = series.reshape(-1, 3)
    starts, lengths = _runs(flat[:, 2] > 0)
    for length in np.unique(lengths[lengths >= _SHORTEST]):  # all runs of one length at once
        where = starts[lengths == length][:, None] + np.arange(length)
        flat[where, :2] = _mix_windows(flat[where, :2].astype(np.float64), reach, smoother)
    return np.ascontiguousarray(series[:, :frames].swapaxes(0, 1)).reshape(keypoints.shape)


def _runs(found: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First frame and length of every run of found frames."""
    edges = np.diff(np.concatenate(([False], found, [False])).astype(np.int8))
    starts = np.flatnonzero(edges == 1)
    return starts, np.flatnonzero(edges == -1) - starts


def _mix_windows(positions: Positions, reach: float, smoother: Smoother) -> Positions:
    """Mix the results of the two windows around ``reach``, so that the slightest strength does something."""
    reach = min(reach, (positions.shape[1] - 1) // 2)
    first = _SHORTEST // 2
    narrow, wide = (0, first) if reach < first else (int(reach), int(reach) + 1)
    share = (reach - narrow) / (wide - narrow)
    result = smoother(positions, 2 * narrow + 1) if narrow else positions
    if share == 0:
        return result
    return (1 - share) * result + share * smoother(positions, 2 * wide + 1)


def _savgol(positions: Positions, window: int) -> Positions:
    return np.asarray(savgol_filter(positions, window, _DEGREE, axis=1))


METHODS: dict[str, Smoother] = {"savgol": _savgol}
"""Smoothers by the name a user chooses."""
