"""What the strip in the editor shows of a clip behind its keyframes."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..opencv import cv2
from .appearance import Thumbnails
from .expected_error import Errors
from .keyframes import Keyframes

Picture: TypeAlias = npt.NDArray[np.uint8]

MOST_POINTS = 512
MOST_PICTURES = 24
HALF = Fraction(1, 2)


def curve(errors: Errors, frame_count: int, gap: int) -> list[int]:
    """How much interpolation can be expected to err around each frame, were keyframes ``gap`` apart.

    Args:
        errors: what is expected between two frames.
        frame_count: of the clip.
        gap: 2 or more.

    Returns:
        0..255, square roots relative to the largest; for every frame, or the largest of so many that there are at most
        ``MOST_POINTS``. Empty if the clip is no longer than the gap.
    """
    if frame_count <= gap:
        return []
    there = np.sqrt(np.maximum(errors(gap), 0))
    each = np.pad(there, (gap // 2, gap - gap // 2), mode="edge")  # the middle of its gap stands for each
    step = -(-frame_count // MOST_POINTS)
    highest = np.pad(each, (0, -frame_count % step)).reshape(-1, step).max(axis=1)
    return [int(value) for value in (255 * highest / max(float(highest.max()), 1e-9)).round()]


def film(small: Thumbnails) -> Picture:
    """Pictures of moments evenly spaced over a clip, side by side, RGB ``(SIDE, n * SIDE, 3)``."""
    return np.ascontiguousarray(np.concatenate(small[_moments(len(small))], axis=1))


def evenly(plan: Keyframes) -> list[int]:
    """Places in ``plan.frames`` of the keyframes nearest to moments evenly spaced over the clip, within their shots."""
    around = [plan.bracket(frame) for frame in _moments(plan.frame_count).tolist()]
    return [each.left if each.weight < HALF else each.right for each in around]


def _moments(frame_count: int) -> npt.NDArray[np.int_]:
    count = min(frame_count, MOST_PICTURES)
    middles: npt.NDArray[np.int_] = ((np.arange(count) + 0.5) * frame_count / max(count, 1)).astype(int)
    return middles


def as_jpeg(picture: Picture) -> bytes:
    """An RGB picture as a file."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()
