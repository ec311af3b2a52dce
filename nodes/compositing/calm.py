"""Paths as a calm hand would lead a camera along."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linprog

Places: TypeAlias = npt.NDArray[np.float64]
"""One number per frame."""

_WEIGHTS = (10.0, 1.0, 100.0)  # of speed, of its change and of the change of that: as in the paper

_DIGITS = 3  # so that what stands, stands exactly


def calmest(least: Places, most: Places) -> Places:
    """The path within bounds that stands where it can, else goes evenly, else gets faster and slower evenly.

    It has the least sum of the absolute values of its first three differences (Grundmann, Kwatra and Essa,
    "Auto-directed video stabilization with robust L1 optimal camera paths", CVPR 2011).

    Args:
        least, most: what each frame allows; nowhere ``least`` above ``most``.
    """
    count = len(least)
    difference, differences, weights = sparse.identity(count, format="csr"), [], []
    for weight in _WEIGHTS[: count - 1]:
        difference = difference[1:] - difference[:-1]
        differences.append(difference)
        weights.append(np.full(difference.shape[0], weight))
    if not differences:
        return (least + most) / 2
    stacked, cost = sparse.vstack(differences), np.concatenate(weights)
    # A difference is what it has above 0 less what it has below: the sum of both is its absolute value.
    parts = sparse.identity(len(cost))
    bounds = np.full((count + 2 * len(cost), 2), (0.0, np.inf))
    bounds[:count] = np.stack((least, most), axis=1)
    found = linprog(  # type: ignore[call-overload] # whose stubs know of no sparse matrices
        np.concatenate((np.zeros(count), cost, cost)),
        A_eq=sparse.hstack((stacked, -parts, parts)),
        b_eq=np.zeros(len(cost)),
        bounds=bounds,
        method="highs",
    )
    return np.asarray(np.clip(found.x[:count].round(_DIGITS), least, most))
