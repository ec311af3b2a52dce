"""Frames of a clip, cropped and scaled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import InputError
from ..opencv import cv2
from ..video.stream import CHUNK, Frames, FrameStream, VideoInfo
from .crop import Crop, Size


class CroppedStream(FrameStream):
    """What a crop shows of a clip, cut out while it is read.

    Raises:
        InputError: the crop is of another clip.
    """

    def __init__(self, source: FrameStream, crop: Crop) -> None:
        info = source.info
        if (info.frame_count, (info.width, info.height)) != (crop.frame_count, crop.frame):
            found = f"{info.frame_count} frames of {info.width}x{info.height}"
            allowed = f"{crop.frame_count} of {crop.frame[0]}x{crop.frame[1]}, as the crop was made for"
            raise InputError("video", found, allowed)
        self.source, self.crop, self.audio = source, crop, source.audio
        self.seekable = source.seekable
        self.info = VideoInfo(*crop.size, info.frame_rate, info.frame_count, crop.inside(), info.lasts)

    def content(self) -> object:
        return self.source, self.crop

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self._cropped(self.source.chunks(size), 0)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        return self._cropped(self.source.section(first, end, size), first)

    def _cropped(self, chunks: Iterator[Frames], first: int) -> Iterator[Frames]:
        for chunk in chunks:
            corners = self.crop.corners[first : first + len(chunk)]
            yield np.stack([cut_out(frame, corner, self.crop) for frame, corner in zip(chunk, corners, strict=True)])
            first += len(chunk)


def cut_out(frame: Any, corner: Any, crop: Crop) -> Any:
    """What a box at a corner shows of a frame, at the crop's size: uint8 ``(height, width[, 3])``."""
    width, height = crop.box
    if (corner == np.round(corner)).all():
        left, top = (int(side) for side in corner)
        piece = frame[top : top + height, left : left + width]
    else:
        middle = corner[0] + (width - 1) / 2, corner[1] + (height - 1) / 2
        piece = cv2.getRectSubPix(np.ascontiguousarray(frame), crop.box, middle)
    return scaled(piece, crop.size)


def scaled(picture: Any, size: Size) -> Any:
    """A picture at another size: the mean of what falls together, or smooth in between."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    is_smaller = size[0] * size[1] < width * height
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC)
