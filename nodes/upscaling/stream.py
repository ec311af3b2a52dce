"""A stream of larger frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat

import numpy as np

from ..video.stream import CHUNK, Frames, FrameStream
from .upscaler import Pixels, Upscaler


class UpscaledStream(FrameStream):
    """``source``, upscaled while it is read. The sound stays."""

    def __init__(self, source: FrameStream, upscaler: Upscaler) -> None:
        self.source, self.upscaler, self.audio = source, upscaler, source.audio
        width, height = upscaler.size
        self.info = replace(source.info, width=width, height=height)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return upscaled(self.source.chunks(size), self.upscaler)


def upscaled(
    chunks: Iterable[Pixels], upscaler: Upscaler, into: Iterable[Pixels | None] = repeat(None)
) -> Iterator[Pixels]:
    """Upscale chunk by chunk. A frame that equals the one before it is not paid for again.

    Args:
        into: where to put each chunk's frames; new arrays unless given.
    """
    before: Pixels | None = None
    result: Pixels | None = None
    for chunk, out in zip(chunks, into, strict=False):
        is_new = []
        for frame in chunk:
            is_new.append(before is None or not np.array_equal(frame, before))
            before = frame
        if all(is_new):
            made = upscaler(chunk, out)
        else:
            results = [result, *(upscaler(chunk[is_new]) if any(is_new) else ())]
            made = np.stack([results[i] for i in np.cumsum(is_new)], out=out)
        result = made[-1]
        yield made
