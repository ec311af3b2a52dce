"""Two videos next to each other, to compare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from ..opencv import cv2
from .read_forward import ReadForward
from .stream import CHUNK, Frames, FrameStream


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
        left = self._source_frames()
        for right in self.result.chunks(size):
            yield np.concatenate((np.stack(list(islice(left, len(right)))), right), axis=2)

    def _source_frames(self) -> Iterator[npt.NDArray[np.uint8]]:
        """The source's frame for every frame of the result."""
        frames = ReadForward(frame for chunk in self.source.chunks() for frame in chunk)
        at, shown = -1, np.zeros((0, 0, 3), np.uint8)
        for index in range(self.info.frame_count):
            wanted = self.source.info.shown_at(index / self.info.frame_rate)
            if wanted != at:
                at = wanted
                frames.forget_before(at)
                shown = np.asarray(cv2.resize(frames.at(at), self._size, interpolation=cv2.INTER_AREA), np.uint8)
            yield shown
