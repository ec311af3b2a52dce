"""The part of a frame where something has to be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np

from ...motion.figure import BodyPart, Size

GRID = 32
"""Pixels to which boxes are rounded: their frames share batches, and nets pad less."""


@dataclass(frozen=True)
class Box:
    """A rectangle of a frame, in pixels.

    Attributes:
        left, top: its corner.
        width, height: at least 0.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def is_empty(self) -> bool:
        return self.width == 0 or self.height == 0

    @property
    def size(self) -> Size:
        return self.width, self.height

    def of(self, plane: Any) -> Any:
        """What a picture ``(height, width, …)`` has there: a view, not a copy."""
        return plane[self.top : self.top + self.height, self.left : self.left + self.width]


def whole(size: Size) -> Box:
    """All of a frame."""
    return Box(0, 0, *size)


def box_around(parts: Iterable[BodyPart], margin: float, size: Size) -> Box:
    """The box around some parts, rounded outwards to ``GRID``, within the frame.

    Args:
        parts: of people, in one or several frames; of none the box is empty.
        margin: beyond their capsules, in body scales.
        size: of the frame.
    """
    ends = [(end, radius + margin * one.scale) for one in parts for end, radius in one.ends]
    if not ends:
        return Box(0, 0, 0, 0)
    points, radii = np.array([end for end, _ in ends]), np.array([radius for _, radius in ends])[:, None]
    spans = zip((points - radii).min(axis=0), (points + radii).max(axis=0), size, strict=True)
    (left, right), (top, bottom) = (
        (min(max(floor(low / GRID) * GRID, 0), side), min(max(ceil(high / GRID) * GRID, 0), side))
        for low, high, side in spans
    )
    return Box(left, top, right - left, bottom - top)
