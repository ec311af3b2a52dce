"""Frames made smaller, for those who need no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..opencv import cv2
from .stream import CHUNK, Frames, FrameStream


class ShrunkStream(FrameStream):
    """A clip without sound whose frames are no longer than so many pixels; smaller ones stay as they are.

    Args:
        source: the clip.
        longest: pixels of the longer side.
    """

    def __init__(self, source: FrameStream, longest: int) -> None:
        width, height = source.info.width, source.info.height
        factor = min(longest / max(width, height), 1.0)
        self.source, self.seekable = source, source.seekable
        self._size = max(round(width * factor), 1), max(round(height * factor), 1)
        self.info = replace(source.info, width=self._size[0], height=self._size[1])

    def content(self) -> object:
        return self.source, self._size

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return map(self._shrunk, self.source.chunks(size))

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        return map(self._shrunk, self.source.section(first, end, size))

    def _shrunk(self, chunk: Frames) -> Frames:
        if chunk.shape[2:0:-1] == self._size:
            return chunk
        return np.stack([cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA) for frame in chunk])
