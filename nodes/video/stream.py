"""The value behind a VIDEO wire: a stream of frames that is never held whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .geometry import WHOLE, Region
from .tracks import SoundTrack

Frames: TypeAlias = npt.NDArray[np.uint8]
"""RGB frames, ``(frames, height, width, 3)``, full-range 0..255."""

Picture: TypeAlias = npt.NDArray[np.uint8]
"""An RGB frame, ``(height, width, 3)``, full-range 0..255."""

CHUNK = 8
"""Frames per chunk unless asked otherwise: 8 frames of 1080p are 50 MB."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a stream before its first frame is read.

    Attributes:
        width, height: pixels.
        frame_rate: frames per second.
        region: what the frames show of their source.
        lasts: seconds that the clip lasts, where that is told more exactly than by whole frames: up to the end of its
            last frame or within half a frame of it.
    """

    width: int
    height: int
    frame_rate: Fraction
    frame_count: int
    region: Region = WHOLE
    lasts: Fraction | None = None

    @property
    def duration(self) -> Fraction:
        """Seconds that the clip lasts, exactly."""
        return self.frame_count / self.frame_rate if self.lasts is None else self.lasts

    def shown_at(self, time: Fraction) -> int:
        """The frame that a player shows after so many seconds: each until the next is due, the last to the end."""
        return min(floor(time * self.frame_rate), self.frame_count - 1)


@dataclass(frozen=True)
class FileAudio:
    """The sound of a file from ``start`` for ``duration`` seconds (``None``: to its end).

    Attributes:
        track: which of its audio tracks; ``None`` is the one that a player would take.
    """

    path: Path
    start: Fraction = Fraction(0)
    duration: Fraction | None = None
    track: SoundTrack | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class Waveform:
    """Decoded audio: float32 samples ``(channels, samples)`` in -1..1."""

    samples: npt.NDArray[np.float32]
    sample_rate: int


Audio: TypeAlias = FileAudio | Waveform


class FrameStream(ABC):
    """Frames at a constant rate, produced on demand.

    ``chunks`` starts afresh from the first frame at every call. A stream that another stage derives
    (interpolated, upscaled) holds its source and does its work while it is being read.
    """

    info: VideoInfo
    audio: Audio | None = None
    seekable: bool = False
    """Whether ``section`` starts in the middle without the work of what comes before; then any thread may read one."""

    def content(self) -> object:
        """All that the frames follow from, so that work on them can be remembered; ``None`` where that cannot be told.

        Values whose content is known: numbers, texts, paths, arrays, other streams, and collections of them.
        """
        return None

    @abstractmethod
    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        """Yield every frame in order, at most ``size`` at a time; the total is ``info.frame_count``."""

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        """Yield the frames from ``first`` up to, not including, ``end``, at most ``size`` at a time."""
        begin = 0
        for chunk in self.chunks(size):
            inside = chunk[max(first - begin, 0) : max(end - begin, 0)]
            begin += len(chunk)
            if len(inside):
                yield inside
            if begin >= end:
                return

    def frames_at(self, indices: Sequence[int]) -> Frames:
        """Read single frames in one pass.

        Args:
            indices: strictly ascending frame numbers.

        Raises:
            IndexError: an index lies outside the stream.
        """
        wanted = list(indices)
        if wanted and not (0 <= wanted[0] and wanted[-1] < self.info.frame_count):
            raise IndexError(f"frames {wanted[0]}..{wanted[-1]} of a stream of {self.info.frame_count}")
        found: list[Frames] = []
        first = 0
        for chunk in self.chunks():
            while wanted and wanted[0] < first + len(chunk):
                found.append(chunk[wanted.pop(0) - first][None].copy())
            if not wanted:
                break
            first += len(chunk)
        shape = (0, self.info.height, self.info.width, 3)
        return np.concatenate(found) if found else np.empty(shape, np.uint8)


class ArrayStream(FrameStream):
    """Frames that are in memory already, e.g. an IMAGE."""

    seekable = True

    def __init__(self, frames: Frames, frame_rate: Fraction, audio: Audio | None = None) -> None:
        count, height, width, _ = frames.shape
        self.frames, self.audio = frames, audio
        self.info = VideoInfo(width, height, frame_rate, count)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.section(0, len(self.frames), size)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        for begin in range(first, min(end, len(self.frames)), size):
            yield self.frames[begin : min(begin + size, end)]
