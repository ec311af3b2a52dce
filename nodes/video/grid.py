"""What all clips that are opened by their path have in common: settings, and pictures at a constant rate."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .stream import CHUNK, Frames, FrameStream

if TYPE_CHECKING:
    from .decode import DecodeSettings

Picture = npt.NDArray[np.uint8]
"""RGB, ``(height, width, 3)``."""


class ClipStream(FrameStream):
    """Frames of a file or folder, decoded while they are read."""

    path: Path
    settings: DecodeSettings

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
