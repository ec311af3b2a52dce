"""Two videos next to each other, to compare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from ..opencv import cv2
from .in_step import Clock, frames_in_order
from .stream import CHUNK, Frames, FrameStream, Picture


class SideBySideStream(FrameStream):
    """``source`` on the left at the height of ``result``, which gives the frame rate, the length and the sound.

    At a moment the source shows what a player would: a frame until the next one is due, and the last one to the end.
    """

    def __init__(self, source: FrameStream, result: FrameStream) -> None:
        self.source, self.result, self.audio = source, result, result.audio
        width = round(source.info.width * result.info.height / source.info.height)
        self._size = width + width % 2, result.info.height
        self.info = replace(result.info, width=result.info.width + self._size[0])

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        clock = Clock(self.info.frame_count, self.info.frame_rate)
        left = frames_in_order(self.source.chunks(), clock.frames_of(self.source.info), self._resized)
        for right in self.result.chunks(size):
            yield np.concatenate((np.stack(list(islice(left, len(right)))), right), axis=2)

    def _resized(self, frame: Picture) -> Picture:
        return np.asarray(cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA), np.uint8)
