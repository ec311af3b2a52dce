"""Where a body in a pose may be: for movements that leave the outline of the clip."""

from __future__ import annotations

import numpy as np

from ..motion.figure import BodyPart, figure_parts
from ..motion.motion import Keypoints
from ..opencv import cv2
from .person_masks import Mask

_SHIFT = 3  # bits of a pixel's fraction that OpenCV draws with


def pose_region(people: Keypoints, width: int, height: int) -> Mask:
    """Tapered capsules around the bones of people, 0 or 255 ``(height, width)``.

    Args:
        people: ``(people, 18 or more, 3)`` in fractions of the frame.
        width, height: of the frame in pixels.
    """
    region = np.zeros((height, width), np.uint8)
    for part in figure_parts(people, (width, height)):
        _fill(region, part)
    return region


def _fill(region: Mask, part: BodyPart) -> None:
    """A circle around each end, and what lies between them."""
    for (column, row), radius in part.ends:
        cv2.circle(region, _fixed((column, row)), int(radius * (1 << _SHIFT)), 255, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    along = (part.end - part.start) / max(abs(part.bone), 1e-6)
    aside = np.array((-along[1], along[0]))
    corners = [end + side * radius * aside for side in (1, -1) for end, radius in part.ends[::side]]
    cv2.fillConvexPoly(region, np.array([_fixed(corner) for corner in corners]), 255, cv2.LINE_AA, _SHIFT)


def _fixed(place: object) -> tuple[int, int]:
    column, row = np.round(np.asarray(place) * (1 << _SHIFT)).astype(int).tolist()
    return column, row
