"""What of a frame is hidden by people, and a little around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..masks.person_masks import Mask
from ..masks.steady import Distance
from ..opencv import cv2
from ..video.read_forward import ReadForward
from ..video.stream import FrameStream, VideoInfo
from .crop import Size
from .plate import BinaryMask

_NOTHING = 12  # of 255: a mask that is less does not count


def masks_in_time(masks: FrameStream, info: VideoInfo) -> Iterator[Mask]:
    """For every frame of a clip its mask, together with the masks just before and after it.

    So somebody whom a single mask misses is not left in the place, nor what moves between two masks.

    Args:
        masks: grey frames, of any size and frame rate.
        info: of the clip.
    """
    planes = ReadForward(np.ascontiguousarray(frame[..., 0]) for chunk in masks.chunks() for frame in chunk)
    for number in range(info.frame_count):
        shown = masks.info.shown_at(number / info.frame_rate)
        around = range(max(shown - 1, 0), min(shown + 2, masks.info.frame_count))
        planes.forget_before(around[0])
        yield np.maximum.reduce([planes.at(one) for one in around])


def hidden_places(mask: Mask, size: Size, margin: float) -> BinaryMask:
    """Where a mask is, and as far around it.

    Args:
        mask: 0..255, of any size.
        size: width and height of the result.
        margin: how far, as a share of the result's longer side.
    """
    return np.asarray(distance_beyond(mask, size) <= margin * max(size))


def distance_beyond(mask: Mask, size: Size) -> Distance:
    """Pixels to the nearest place of a mask, float32 ``(height, width)``; 0 inside, infinite without any."""
    there = cv2.resize((mask > _NOTHING).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    if not there.any():
        return np.full(there.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform(1 - there, cv2.DIST_L2, 3), np.float32)
