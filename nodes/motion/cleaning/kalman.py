"""Kalman smoothing of positions."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded
from scipy.optimize import brentq

Positions = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float64]

# Position, velocity and acceleration from one frame to the next, and what a white jerk of variance 1 adds to them
# (Bar-Shalom, Li and Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, section 6.2.3).
_STEP = np.array([[1, 1, 1 / 2], [0, 1, 1], [0, 0, 1]])
_JERK = np.array([[1 / 20, 1 / 8, 1 / 6], [1 / 8, 1 / 3, 1 / 2], [1 / 6, 1 / 2, 1]])
_SHORTEST = 4  # frames; three are fitted exactly by a constant acceleration


def smooth_kalman(positions: Positions, weights: Weights, averaged: float) -> Positions:
    """Kalman smoother for a constant acceleration that is disturbed by a white jerk.

    The estimate is that of Rauch, Tung and Striebel (AIAA J. 3(8), 1965) for all frames given all frames, with nothing
    known beforehand. It is found as what it is, the least squares solution of motion and measurements together
    (Bell: SIAM J. Optim. 4(3), 1994): one banded system instead of a loop over the frames.

    Args:
        positions: ``(runs, frames, 2)``.
        weights: ``(runs, frames)``: a frame's measurement has the variance 1 / weight; above 0.
        averaged: as in ``smooth``.
    """
    if positions.shape[1] < _SHORTEST:
        return positions
    stiffness = _stiffness(averaged)
    return np.stack([_solve(*run, stiffness) for run in zip(positions, weights, strict=True)])


def _solve(positions: Positions, weights: Weights, stiffness: float) -> Positions:
    """One run; ``stiffness`` is the variance of a measurement over that of the jerk."""
    frames = len(positions)
    precision = stiffness * np.linalg.inv(_JERK)
    diagonal = np.zeros((frames, 3, 3))
    diagonal[1:] += precision
    diagonal[:-1] += _STEP.T @ precision @ _STEP
    diagonal[:, 0, 0] += weights
    coupling = -precision @ _STEP  # of a frame's state with that of the frame before
    lower = np.zeros((6, 3 * frames))
    for row, column in product(range(3), repeat=2):
        if row >= column:
            lower[row - column, column::3] = diagonal[:, row, column]
        lower[3 + row - column, column:-3:3] = coupling[row, column]
    measured = np.zeros((3 * frames, 2))
    measured[::3] = weights[:, None] * positions
    return np.asarray(solveh_banded(lower, measured, lower=True, check_finite=False))[::3]


def _stiffness(averaged: float) -> float:
    """The stiffness that leaves as much of white noise as an average of so many frames does."""
    turns = np.exp(1j * np.pi * (np.arange(512) + 0.5) / 512)
    response = np.linalg.inv(turns[:, None, None] * np.eye(3) - _STEP)[:, 0]  # of the position to each disturbance
    motion = np.einsum("fi,ij,fj->f", response, _JERK, response.conj()).real

    def too_much(logarithm: float) -> float:
        kept = motion / (motion + np.exp(logarithm))
        return float((kept**2).mean() - 1 / averaged)

    return float(np.exp(brentq(too_much, -40, 40)))
