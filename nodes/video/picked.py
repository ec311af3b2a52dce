"""Some frames of a clip, at times of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .grid import on_grid
from .stream import CHUNK, Audio, Frames, FrameStream, VideoInfo


class PickedStream(FrameStream):
    """Frames of ``source`` by their numbers, read a few at a time.

    Args:
        source: the clip.
        numbers: of a frame for each frame of the result, not descending: one may be shown again and again.
        frame_rate: of the result.
        audio: its sound.
        lasts: see ``VideoInfo``.
    """

    def __init__(
        self,
        source: FrameStream,
        numbers: Sequence[int],
        frame_rate: Fraction,
        audio: Audio | None = None,
        lasts: Fraction | None = None,
    ) -> None:
        self.source, self.numbers, self.audio = source, tuple(numbers), audio
        self.info = replace(source.info, frame_count=len(numbers), frame_rate=frame_rate, lasts=lasts)
        self.seekable = source.seekable

    def content(self) -> object:
        return self.source, self.numbers, self.info.frame_rate

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.section(0, self.info.frame_count, size)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        wanted = self.numbers[first:end]
        if not wanted:
            return
        begin, row = wanted[0], 0
        for chunk in self.source.section(begin, wanted[-1] + 1, size):
            here = []
            while row < len(wanted) and wanted[row] < begin + len(chunk):
                here.append(wanted[row] - begin)
                row += 1
            for part in range(0, len(here), size):
                yield np.take(chunk, here[part : part + size], axis=0)
            begin += len(chunk)


def numbers_at_rate(info: VideoInfo, frame_rate: Fraction) -> list[int]:
    """Which frame of a clip is shown at each frame of another rate, by the rule of :func:`.grid.on_grid`.

    As many as there are in the time that the clip lasts, at least one.
    """
    step = 1 / frame_rate
    times = [step * index for index in range(max(round(info.duration * frame_rate), 1))]
    numbered = ((number / info.frame_rate, number) for number in range(info.frame_count))
    return [number for number, repeats in on_grid(numbered, times, step) for _ in range(repeats)]
