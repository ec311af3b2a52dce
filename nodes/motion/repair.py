"""Gaps in a motion: joints that were hidden or missed for a few frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from .motion import Keypoints


def fill_gaps(keypoints: Keypoints, max_gap: int) -> Keypoints:
    """Interpolate joints over gaps of at most ``max_gap`` frames.

    Position and confidence follow the piecewise cubic of Fritsch and Butland (PCHIP: SIAM J. Sci. Stat. Comput. 5(2),
    1984), which never leaves the range of the two frames around the gap. Longer gaps, and those before a joint's first
    or after its last frame, stay empty: nothing is extrapolated.

    Args:
        keypoints: ``(frames, people, joints, 3)``, confidence 0 marking a gap.
        max_gap: frames; 0 changes nothing.

    Returns:
        The same shape; frames in which a joint was found are untouched.
    """
    if keypoints.size == 0:
        return keypoints
    series = keypoints.reshape(len(keypoints), -1, 3)
    found = series[..., 2] > 0
    wanted = _short_gaps(found, max_gap)
    filled = series.copy()
    for joint in np.flatnonzero(wanted.any(axis=0)):
        at, holes = np.flatnonzero(found[:, joint]), np.flatnonzero(wanted[:, joint])
        filled[holes, joint] = PchipInterpolator(at, series[at, joint].astype(np.float64))(holes)
    return filled.reshape(keypoints.shape)


def _short_gaps(found: npt.NDArray[np.bool_], max_gap: int) -> npt.NDArray[np.bool_]:
    """Mark the frames ``(frames, series)`` of gaps that have a found frame on both sides and are short enough."""
    frames = np.arange(len(found))[:, None]
    never = -2 * len(found) - max_gap  # far enough to make any gap too long
    before = np.maximum.accumulate(np.where(found, frames, never), axis=0)
    after = np.minimum.accumulate(np.where(found, frames, -never)[::-1], axis=0)[::-1]
    return ~found & (after - before - 1 <= max_gap)
