"""A stream at another frame rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Generic

import numpy as np

from ..errors import InputError
from ..keyframes.keyframes import Bracket, Keyframes
from ..opencv import cv2
from ..video.audio import trimmed
from ..video.stream import CHUNK, Audio, Frames, FrameStream, Picture
from .interpolator import Between, Interpolator, P
from .schedule import frame_count, frames_to_make, schedule

STILL = 3
"""Most change of any pixel, of 255, at which two frames count as a still picture: a blend shows no ghosts."""


class InterpolatedStream(FrameStream):
    """Keyframes, and the frames between them that ``frame_rate`` asks for, made while they are read.

    Args:
        source: the keyframes' pictures and nothing else, in order; only those that a chunk needs are in memory. If it
            tells how long it lasts, so long does the result, in place of the grid of ``keyframes``.
        keyframes: when they are shown, and where the cuts are.
        frame_rate: frames per second of the result.
        interpolator: makes what lies between. It is not asked for frames that fall on a keyframe, nor for
            anything between two keyframes that are as good as equal.
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
        count = frame_count(keyframes, frame_rate, source.info.lasts)
        self.info = replace(source.info, frame_rate=frame_rate, frame_count=count)
        self.audio = trimmed(audio, Fraction(0), self.info.duration)

    def net_runs(self) -> int:
        """How often the net will make a picture between two, as far as that is known beforehand."""
        return frames_to_make(self.keyframes, self.info.frame_rate).made

    def over(self, source: FrameStream) -> InterpolatedStream:
        """The same on other pictures of the keyframes, such as larger ones."""
        return InterpolatedStream(source, self.keyframes, self.info.frame_rate, self.interpolator, self.audio)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        window = _Window(self.source, self.interpolator)
        brackets = schedule(self.keyframes, self.info.frame_rate, self.info.lasts)
        while wanted := list(islice(brackets, size)):
            yield window.frames(wanted)


def is_still(left: Picture, right: Picture) -> bool:
    """Whether two frames are as good as equal."""
    return bool(cv2.absdiff(left, right).max() <= STILL)


def blended(left: Picture, right: Picture, weight: Fraction) -> Picture:
    """The share ``weight`` of the right one, and the rest of the left."""
    return np.asarray(cv2.addWeighted(left, float(1 - weight), right, float(weight), 0), np.uint8)


class _Window(Generic[P]):
    """The keyframes at work, moving forward through the source."""

    def __init__(self, source: FrameStream, interpolator: Interpolator[P]) -> None:
        self._pictures = enumerate(frame for chunk in source.chunks() for frame in chunk)
        self._at = -1
        self._interpolator = interpolator
        self._held: dict[int, Picture] = {}
        self._prepared: dict[int, P] = {}
        self._still: dict[tuple[int, int], bool] = {}

    def frames(self, brackets: Sequence[Bracket]) -> Frames:
        """The frames that lie there, which is nowhere before those of the last call."""
        self._move_to({index for bracket in brackets for index in (bracket.left, bracket.right)})
        first = next(iter(self._held.values()))
        result = np.empty((len(brackets), *first.shape), np.uint8)
        wanted: dict[int, Between[P]] = {}
        for row, bracket in enumerate(brackets):
            left, right = self._held[bracket.left], self._held[bracket.right]
            if bracket.left == bracket.right:
                result[row] = left
            elif self._is_still(bracket):
                result[row] = blended(left, right, bracket.weight)
            else:
                wanted[row] = Between(self._prepare(bracket.left), self._prepare(bracket.right), bracket.weight)
        if wanted:
            result[list(wanted)] = self._interpolator.make(list(wanted.values()))
        return result

    def _move_to(self, needed: set[int]) -> None:
        while self._at < max(needed):
            self._at, picture = next(self._pictures)
            if self._at in needed:
                self._held[self._at] = picture
        self._held = {index: picture for index, picture in self._held.items() if index in needed}
        self._prepared = {index: prepared for index, prepared in self._prepared.items() if index in needed}
        self._still = {pair: is_still for pair, is_still in self._still.items() if pair[0] in needed}

    def _is_still(self, bracket: Bracket) -> bool:
        pair = bracket.left, bracket.right
        if pair not in self._still:
            self._still[pair] = is_still(*(self._held[index] for index in pair))
        return self._still[pair]

    def _prepare(self, index: int) -> P:
        if index not in self._prepared:
            self._prepared[index] = self._interpolator.prepare(self._held[index])
        return self._prepared[index]
