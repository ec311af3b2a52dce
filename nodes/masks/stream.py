"""Masks as a video: grey frames, white where people are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..video.stream import CHUNK, Frames, FrameStream
from .person_masks import PersonMasks
from .steady import MaskSettings, SteadyMasks


class MaskStream(FrameStream):
    """Masks, made while they are read.

    Args:
        masks: as they were found.
        settings: what is made of them.
    """

    seekable = True

    def __init__(self, masks: PersonMasks, settings: MaskSettings) -> None:
        self.masks, self.settings, self.info = masks, settings, masks.info

    def content(self) -> object:
        return self.masks, self.settings

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.section(0, self.info.frame_count, size)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        steady = SteadyMasks(self.masks, self.settings)
        for begin in range(first, min(end, self.info.frame_count), size):
            planes = [steady.mask(frame) for frame in range(begin, min(begin + size, end, self.info.frame_count))]
            yield np.repeat(np.stack(planes)[..., None], 3, axis=-1)
