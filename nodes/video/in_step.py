"""Clips shown in step: one clock for all of them, and their pictures above each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import ceil

import numpy as np

from ..opencv import cv2
from .stream import CHUNK, Frames, FrameStream, Picture, VideoInfo

_SMALLEST = 16  # pixels of a side that every encoder takes


@dataclass(frozen=True)
class Clock:
    """Moments at which clips are looked at together.

    Attributes:
        count: of the moments.
        frame_rate: moments per second.
        step: frames of the fastest clip from one moment to the next; 1 shows them all.
    """

    count: int
    frame_rate: Fraction
    step: int = 1

    @classmethod
    def of(cls, clips: Sequence[VideoInfo], most: int) -> Clock:
        """The clock of the fastest clip, up to the end of the longest.

        Args:
            clips: 1 or more, of 1 frame or more each.
            most: moments. If they are not enough for all frames, every second, third... is shown.
        """
        fastest = max(clip.frame_rate for clip in clips)
        frames = max(ceil(clip.frame_count * fastest / clip.frame_rate) for clip in clips)
        step = -(-frames // most)
        return cls(-(-frames // step), fastest / step, step)

    def frames_of(self, clip: VideoInfo) -> Iterator[int]:
        """What a player would show of a clip at each moment: a frame until the next is due, the last to the end."""
        return (clip.shown_at(moment / self.frame_rate) for moment in range(self.count))


def frames_in_order(
    chunks: Iterable[Frames], wanted: Iterable[int], make: Callable[[Picture], Picture]
) -> Iterator[Picture]:
    """Frames as ``make`` makes them, in one pass; one that is wanted several times is made once.

    Args:
        chunks: frames, the first one first, as streams give them; taken no further than needed.
        wanted: frame numbers that never fall, of frames that there are.
        make: from a frame to what is yielded.
    """
    frames = (frame for chunk in chunks for frame in chunk)
    at = -1
    for index in wanted:
        if index > at:
            made = make(next(islice(frames, index - at - 1, None)))
            at = index
        yield made


def common_size(clips: Sequence[VideoInfo], longest: int) -> tuple[int, int]:
    """Width and height, even, in which all are shown: the shape of the first, as large as the largest.

    Args:
        clips: 1 or more.
        longest: pixels of the longer side at most.
    """
    longer = min(longest, max(max(clip.width, clip.height) for clip in clips))
    shape = clips[0]
    scale = longer / max(shape.width, shape.height)
    return _even(shape.width * scale), _even(shape.height * scale)


def _even(length: float) -> int:
    return max(2 * round(length / 2), _SMALLEST)


def fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """A picture as large as goes into a frame of that width and height, in the middle, on black."""
    height, width, _ = picture.shape
    scale = min(size[0] / width, size[1] / height)
    across, down = max(round(width * scale), 1), max(round(height * scale), 1)
    if (across, down) != (width, height):
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, (across, down), interpolation=how), np.uint8)
    if (across, down) == size:
        return picture
    whole = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - across) // 2, (size[1] - down) // 2
    whole[top : top + down, left : left + across] = picture
    return whole


class StackedStream(FrameStream):
    """Clips in step, the first on top; without sound.

    Args:
        sources: 1 or more.
        clock: of its frames.
        size: width and height in which each is shown, see ``fitted``.
    """

    def __init__(self, sources: Sequence[FrameStream], clock: Clock, size: tuple[int, int]) -> None:
        self.sources, self.clock, self.size = sources, clock, size
        self.info = VideoInfo(size[0], size[1] * len(sources), clock.frame_rate, clock.count)

    def content(self) -> object:
        clock = self.clock
        return list(self.sources), self.size, clock.count, clock.frame_rate

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        moments = zip(*map(self._pictures, self.sources), strict=True)
        while pictures := [np.concatenate(moment) for moment in islice(moments, size)]:
            yield np.stack(pictures)

    def _pictures(self, source: FrameStream) -> Iterator[Picture]:
        return frames_in_order(
            source.chunks(), self.clock.frames_of(source.info), lambda frame: fitted(frame, self.size)
        )
