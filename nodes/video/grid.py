"""What all clips that are opened by their path have in common: settings, and pictures at a constant rate."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .decode_settings import DecodeSettings
from .stream import CHUNK, Frames, FrameStream

T = TypeVar("T")

Picture = npt.NDArray[np.uint8]
"""RGB, ``(height, width, 3)``."""


class ClipStream(FrameStream):
    """Frames of a file or folder, decoded while they are read."""

    path: Path
    settings: DecodeSettings
    seconds: Fraction
    """That are opened of the clip, before they are rounded to whole frames."""

    @property
    @abstractmethod
    def source_size(self) -> tuple[int, int]:
        """Width and height of the clip itself, upright, before it is scaled."""

    @abstractmethod
    def _pictures(self, indices: Sequence[int]) -> Iterator[Picture]:
        """One picture per index; the indices ascend."""

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.section(0, self.info.frame_count, size)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        batch: list[Picture] = []
        for picture in self._pictures(range(first, min(end, self.info.frame_count))):
            batch.append(picture)
            if len(batch) == size:
                yield np.stack(batch)
                batch = []
        if batch:
            yield np.stack(batch)

    def frames_at(self, indices: Sequence[int]) -> Frames:
        if not indices:
            return np.empty((0, self.info.height, self.info.width, 3), np.uint8)
        if indices[0] < 0 or indices[-1] >= self.info.frame_count:
            raise IndexError(f"frames {indices[0]}..{indices[-1]} of a stream of {self.info.frame_count}")
        return np.stack(list(self._pictures(indices)))


def fingerprint(name: str, size: int) -> str:
    """Tells clips apart without reading them, and without telling where they lie."""
    return blake2b(f"{name}:{size}".encode(errors="surrogateescape"), digest_size=8).hexdigest()


def on_grid(frames: Iterable[tuple[Fraction, T]], times: Sequence[Fraction], step: Fraction) -> Iterator[tuple[T, int]]:
    """Choose the frame to show at each time of a grid.

    A frame is shown from the time of the grid that is nearest to its own on, until the next one is: never more than
    half a step before it is due, however long the one before it is held. Of several frames around a time it is the
    nearest; of two equally near the earlier.

    Args:
        frames: pairs of time and frame, ascending.
        times: ascending.
        step: between two neighbours in the whole grid, of which ``times`` are some.

    Yields:
        A frame and for how many of the times it stands, more than 0. The counts add up to ``len(times)``.

    Raises:
        InputError: there are no frames.
    """
    done = 0
    last: tuple[Fraction, T] | None = None
    for time, frame in frames:
        if last is not None:
            until = max((last[0] + time) / 2, time - step / 2)
            first = done
            while done < len(times) and times[done] <= until:
                done += 1
            if done > first:
                yield last[1], done - first
            if done == len(times):
                return
        last = time, frame
    if last is None:
        raise InputError("file", "no picture that can be decoded", "a video of 1 frame or more")
    if done < len(times):
        yield last[1], len(times) - done
