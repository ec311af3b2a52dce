"""Edits that take the colours of what is around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..opencv import cv2

_COARSE = 32  # places along the longer side: the difference of two lights is smooth
_SPREAD = 3.0  # places over which it reaches from where it is known


def matched_colours(edited: Any, source: Any, share: Any, strength: float) -> Any:
    """An edit with the difference taken away that it has from the source where the source shows.

    The difference is known where little of the edit shows, and from there goes on smoothly into it, as the membrane of
    Poisson blending does (Pérez and others, "Poisson image editing", SIGGRAPH 2003), but on a coarse grid.

    Args:
        edited, source: RGB of one size.
        share: how much of each pixel is the edit's, 0..1 ``(height, width)``.
        strength: 0 leaves the edit as it is, 1 takes all of the difference away.

    Returns:
        float32, not clipped.
    """
    picture = edited.astype(np.float32)
    if strength == 0:
        return picture
    height, width = share.shape
    factor = min(_COARSE / max(width, height), 1.0)
    coarse = max(round(width * factor), 1), max(round(height * factor), 1)
    known = (1 - share) * (share < 1)
    difference = (source.astype(np.float32) - picture) * known[..., None]
    weights = cv2.resize(known, coarse, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(difference, coarse, interpolation=cv2.INTER_AREA)
    weights, sums = (cv2.GaussianBlur(one, (0, 0), _SPREAD, borderType=cv2.BORDER_REPLICATE) for one in (weights, sums))
    if weights.max() < 1e-3:
        return picture
    field = sums / np.maximum(weights, 1e-3)[..., None]
    return picture + np.float32(strength) * cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)
