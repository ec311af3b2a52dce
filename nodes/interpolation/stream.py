"""A stream at another frame rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Generic

import numpy as np

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from ..video.audio import trimmed
from ..video.stream import CHUNK, Audio, Frames, FrameStream
from .interpolator import Interpolator, P, Picture
from .schedule import frame_count, runs, schedule


class InterpolatedStream(FrameStream):
    """Keyframes, and the frames between them that ``frame_rate`` asks for, made while they are read.

    Args:
        source: the keyframes' pictures and nothing else, in order; of these two are in memory at a time.
        keyframes: when they are shown, and where the cuts are.
        frame_rate: frames per second of the result.
        interpolator: makes what lies between. It is not asked for frames that fall on a keyframe, nor for
            anything between two equal keyframes.
        audio: what is heard, cut to the length of the result.

    Raises:
        InputError: ``source`` has another number of frames than there are keyframes.
    """

    def __init__(
        self,
        source: FrameStream,
        keyframes: Keyframes,
        frame_rate: Fraction,
        interpolator: Interpolator[P],
        audio: Audio | None = None,
    ) -> None:
        have, want = source.info.frame_count, len(keyframes.frames)
        if have != want:
            raise InputError("frames", f"{have} frames for {want} keyframes", "as many frames as keyframes")
        self.source, self.keyframes, self.interpolator = source, keyframes, interpolator
        count = frame_count(keyframes, frame_rate)
        self.info = replace(source.info, frame_rate=frame_rate, frame_count=count)
        self.audio = trimmed(audio, Fraction(0), self.info.duration)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        ready: list[Picture] = []
        for frame in self._frames(size):
            ready.append(frame)
            if len(ready) == size:
                yield np.stack(ready)
                ready.clear()
        if ready:
            yield np.stack(ready)

    def _frames(self, size: int) -> Iterator[Picture]:
        window = _Window(self.source, self.interpolator)
        for left, right, weights in runs(schedule(self.keyframes, self.info.frame_rate)):
            window.move_to(left, right)
            for first in range(0, len(weights), size):
                yield from window.frames(weights[first : first + size])


class _Window(Generic[P]):
    """The two keyframes at work, moving forward through the source."""

    def __init__(self, source: FrameStream, interpolator: Interpolator[P]) -> None:
        self._pictures = (frame for chunk in source.chunks() for frame in chunk)
        self._next = 0
        self._interpolator = interpolator
        self._held: dict[int, Picture] = {}
        self._prepared: dict[int, P] = {}
        self._left = self._right = 0

    def move_to(self, left: int, right: int) -> None:
        while self._next <= right:
            picture = next(self._pictures)
            if self._next >= left:
                self._held[self._next] = picture
            self._next += 1
        self._held = {i: frame for i, frame in self._held.items() if i >= left}
        self._prepared = {i: frame for i, frame in self._prepared.items() if i in self._held}
        self._left, self._right = left, right

    def frames(self, weights: list[Fraction]) -> Iterable[Picture]:
        """Frames at ``weights`` between the two."""
        left, right = self._held[self._left], self._held[self._right]
        if self._left == self._right or np.array_equal(left, right):
            return [left] * len(weights)
        return self._interpolator.between(self._prepare(self._left), self._prepare(self._right), weights)

    def _prepare(self, index: int) -> P:
        if index not in self._prepared:
            self._prepared[index] = self._interpolator.prepare(self._held[index])
        return self._prepared[index]
