"""Edits that take the colours of what is around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..opencv import cv2

_COARSE = 64  # places along the longer side: the difference of two lights is smooth
_SPREAD = 6.0  # places over which it reaches from where it is known


def colours_taken(edited: Any, source: Any, share: Any, strength: float) -> Any:
    """What an edit lacks to have the light that the source has around it, RGB float32 ``(height, width, 3)``.

    The difference is known where little of the edit shows, and from there goes on smoothly into it, as the membrane of
    Poisson blending does (Pérez and others, "Poisson image editing", SIGGRAPH 2003), but on a coarse grid.

    Args:
        edited: RGB of any size.
        source: RGB ``(height, width, 3)``.
        share: how much of each pixel is the edit's, 0..1 ``(height, width)``.
        strength: 0 takes nothing, 1 all of the difference.
    """
    height, width = share.shape
    factor = min(_COARSE / max(width, height), 1.0)
    coarse = max(round(width * factor), 1), max(round(height * factor), 1)
    one, other, shown = (_shrunk(plane, coarse) for plane in (edited, source, share))
    known = 1 - shown
    difference = cv2.subtract(other, one, dtype=cv2.CV_32F) * known[..., None]
    spread = cv2.GaussianBlur(np.dstack((difference, known)), (0, 0), _SPREAD, borderType=cv2.BORDER_REPLICATE)
    field = spread[..., :3] / np.maximum(spread[..., 3:], 1e-3) * np.float32(strength)
    return cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)


def _shrunk(plane: Any, size: tuple[int, int]) -> Any:
    """The mean of what falls together. OpenCV takes means of 2 x 2 pixels many times faster than any others."""
    height, width = plane.shape[:2]
    half = width // 2, height // 2
    if half[0] > size[0] and half[1] > size[1]:
        plane = cv2.resize(plane[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
