"""Jitter, removed without lag."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve1d
from scipy.optimize import brentq
from scipy.signal import savgol_coeffs

from ...errors import InputError
from ..motion import Keypoints
from .kalman import smooth_kalman

Positions: TypeAlias = npt.NDArray[np.float64]
"""x and y of contiguous runs of equal length: ``(runs, frames, 2)``."""

Weights: TypeAlias = npt.NDArray[np.float64]
"""How much each frame of the runs counts, above 0, up to 1: ``(runs, frames)``."""

Smoother: TypeAlias = Callable[[Positions, Weights, float], Positions]
"""Positions, weights and the frames averaged (see ``smooth``) to smoothed positions."""

FULL_STRENGTH = Fraction(28, 100)
"""Seconds that strength 1 averages."""

_DEGREE = 4  # of Savitzky and Golay's polynomial: keeps a movement's turning points, and 2 Hz at half strength
_ROUNDS = 3  # of drawing doubtful frames towards the smooth curve; more change nothing that can be seen
_LEAST = 1 + 1e-6  # frames averaged; less cannot be seen, nor solved for
_SPEED_GAIN = 3.0  # One-Euro's beta: Hz of cut-off per frame size a second


def smooth(keypoints: Keypoints, frame_rate: Fraction, strength: float, method: str = "savgol") -> Keypoints:
    """Smooth every joint over each contiguous run of frames in which it was found.

    A strength means the same with every method: white noise is reduced as by averaging n frames, to 1 / sqrt(n) of
    its size, where n = sqrt(1 + (strength x 0.28 s x frame rate)²), the frames of a span in seconds that is the same
    at every frame rate. With ``savgol`` at strength 0.5 and 25 frames per second, 2 Hz keep 97 % of their amplitude.
    A frame that is less sure than is usual for its joint counts less. All but ``one_euro`` look at both sides of a
    frame alike, so nothing lags.

    Args:
        keypoints: ``(frames, people, joints, 3)``, confidence 0 marking a gap. Confidences stay as they are.
        frame_rate: frames per second, above 0.
        strength: 0..1; 0 returns the input as it is.
        method: ``"savgol"``, the local polynomial of Savitzky and Golay (Anal. Chem. 36(8), 1964), of degree 4;
            ``"gaussian"``; ``"kalman"``, see ``smooth_kalman``; ``"one_euro"``, the causal filter of Casiez, Roussel
            and Vogel (CHI 2012), for comparison with live use: it lags, the less the quicker a joint moves, and
            reduces noise as much as the others where a joint is at rest.

    Raises:
        InputError: ``strength`` or ``method`` is none of these.
    """
    if not 0 <= strength <= 1:
        raise InputError("strength", str(strength), "0 to 1")
    if method not in METHODS:
        raise InputError("method", repr(method), ", ".join(METHODS))
    if strength == 0 or keypoints.size == 0:
        return keypoints
    averaged = math.hypot(1, strength * FULL_STRENGTH * frame_rate)
    if averaged < _LEAST:
        return keypoints
    return _smooth_runs(keypoints, averaged, METHODS[method])


def _smooth_runs(keypoints: Keypoints, averaged: float, smoother: Smoother) -> Keypoints:
    frames = len(keypoints)
    joints = keypoints.reshape(frames, -1, 3).swapaxes(0, 1)
    # An empty frame after each joint's last, so that no run reaches from one joint into the next.
    series = np.pad(joints, ((0, 0), (0, 1), (0, 0)))
    flat = series.reshape(-1, 3)
    weights = np.pad(_weights(joints[..., 2]), ((0, 0), (0, 1))).ravel()
    starts, lengths = _runs(flat[:, 2] > 0)
    for length in np.unique(lengths[lengths > 1]):  # all runs of one length at once
        where = starts[lengths == length][:, None] + np.arange(length)
        flat[where, :2] = smoother(flat[where, :2].astype(np.float64), weights[where], averaged)
    return np.ascontiguousarray(series[:, :frames].swapaxes(0, 1)).reshape(keypoints.shape)


def _runs(found: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First frame and length of every run of found frames."""
    edges = np.diff(np.concatenate(([False], found, [False])).astype(np.int8))
    starts = np.flatnonzero(edges == 1)
    return starts, np.flatnonzero(edges == -1) - starts


def _weights(confidence: npt.NDArray[np.float32]) -> Weights:
    """Confidences ``(joints, frames)`` relative to each joint's own median, at most 1."""
    usual = np.array([np.median(joint[joint > 0]) if joint.any() else 1.0 for joint in confidence], np.float64)
    return np.asarray(np.minimum(confidence / usual[:, None], 1))


def _filtered(positions: Positions, weights: Weights, kernel: npt.NDArray[np.float64]) -> Positions:
    """Convolve with a symmetric kernel; a doubtful frame is first drawn towards what its neighbours say."""
    trusted = positions
    if weights.min() < 1:
        share = weights[..., None]
        for _ in range(_ROUNDS):
            trusted = share * positions + (1 - share) * _convolved(trusted, kernel)
    return _convolved(trusted, kernel)


def _convolved(positions: Positions, kernel: npt.NDArray[np.float64]) -> Positions:
    """Convolve over the frames. Beyond its ends a run goes on as its own reflection through the end point."""
    reach = len(kernel) // 2
    padded = np.pad(positions, ((0, 0), (reach, reach), (0, 0)), "reflect", reflect_type="odd")
    return np.asarray(convolve1d(padded, kernel, axis=1)[:, reach : reach + positions.shape[1]])


def _savgol(positions: Positions, weights: Weights, averaged: float) -> Positions:
    widest = 2 * _DEGREE * math.ceil(averaged)  # more than enough: a window of n frames averages about 0.28 n
    reach = _matching(_savgol_kernel, averaged, 0, widest)
    return _filtered(positions, weights, _savgol_kernel(reach))


def _savgol_kernel(reach: float) -> npt.NDArray[np.float64]:
    """Mix of the two windows around ``reach`` frames to either side, so that a strength need not be a whole number."""
    first = _DEGREE // 2 + 1  # a narrower one goes through every point
    narrow, wide = (0, first) if reach < first else (int(reach), int(reach) + 1)
    share = (reach - narrow) / (wide - narrow)
    kernel = share * savgol_coeffs(2 * wide + 1, _DEGREE)
    inner = slice(wide - narrow, wide + narrow + 1)
    kernel[inner] += (1 - share) * (savgol_coeffs(2 * narrow + 1, _DEGREE) if narrow else 1)
    return np.asarray(kernel)


def _gaussian(positions: Positions, weights: Weights, averaged: float) -> Positions:
    deviation = _matching(_gaussian_kernel, averaged, 1e-3, averaged)
    return _filtered(positions, weights, _gaussian_kernel(deviation))


def _gaussian_kernel(deviation: float) -> npt.NDArray[np.float64]:
    reach = math.ceil(4 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.asarray(kernel / kernel.sum())


def _matching(kernel: Callable[[float], npt.NDArray[np.float64]], averaged: float, least: float, most: float) -> float:
    """The parameter of a kernel with which it reduces white noise as an average of so many frames does."""
    return float(brentq(lambda parameter: float((kernel(parameter) ** 2).sum()) - 1 / averaged, least, most))


def _one_euro(positions: Positions, weights: Weights, averaged: float) -> Positions:
    """One-Euro over all runs at once; frequencies per frame, so that the frame rate falls out."""
    rest = 2 / (averaged + 1)  # an exponential average with this share reduces noise as much
    rest_cutoff = rest / (2 * math.pi * (1 - rest))
    result = positions.copy()
    speed = np.zeros_like(positions[:, 0])
    for frame in range(1, positions.shape[1]):
        speed += rest * (positions[:, frame] - positions[:, frame - 1] - speed)
        cutoff = 2 * math.pi * (rest_cutoff + _SPEED_GAIN * np.hypot(*speed.T))
        share = weights[:, frame] * cutoff / (1 + cutoff)
        result[:, frame] = result[:, frame - 1] + share[:, None] * (positions[:, frame] - result[:, frame - 1])
    return result


METHODS: dict[str, Smoother] = {
    "savgol": _savgol,
    "gaussian": _gaussian,
    "kalman": smooth_kalman,
    "one_euro": _one_euro,
}
"""Smoothers by the name a user chooses."""
