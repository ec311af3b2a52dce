"""A picture under a known move, as a clip and as it looks after an edit that keeps its outlines."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from frugal_motion.nodes.interpolation.guided_stream import GuidedStream
from frugal_motion.nodes.interpolation.schedule import schedule
from frugal_motion.nodes.interpolation.stream import InterpolatedStream
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.video.stream import ArrayStream, Frames

from .scene import GRID, RATE, Blend

SIZE = (120, 96)
GUIDE_RATE = Fraction(60)


class MovingPicture:
    """Spots that turn, come nearer and drift; keyframes are the negative of them in other colours."""

    def __init__(self, frames: int = 17, cuts: tuple[int, ...] = (), every: int = 4) -> None:
        noise = np.random.default_rng(7).integers(0, 256, (240, 240, 3), np.uint8)
        soft = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.float32)
        self._wide = np.clip((soft - soft.mean()) * 5 + 128, 0, 255).astype(np.uint8)
        self._cuts = [cut / float(GRID) for cut in cuts]
        self.plan = every_nth(frames, GRID, every, cuts)
        self.seconds = frames / GRID
        self.keys = np.stack([self.edited(frame / float(GRID)) for frame in self.plan.frames])

    def move(self, seconds: float) -> np.ndarray:
        """Brings places of the wide picture to those of the frame, ``(2, 3)``."""
        angle, zoom = 0.5 * np.sin(3 * seconds), 1 + 0.2 * np.sin(2 * seconds)
        matrix = cv2.getRotationMatrix2D((120, 120), np.degrees(angle), zoom)
        matrix[:, 2] += np.array(SIZE) / 2 - 120 + (12 * np.sin(4 * seconds), 0)
        return np.asarray(matrix)

    def filmed(self, seconds: float, size: tuple[int, int] = SIZE) -> np.ndarray:
        """The clip at a time."""
        picture = np.roll(self._wide, 97 * sum(seconds >= cut - 1e-9 for cut in self._cuts), axis=0)
        scale = np.diag((size[0] / SIZE[0], size[1] / SIZE[1]))
        return np.asarray(cv2.warpAffine(picture, scale @ self.move(seconds), size), np.uint8)

    def edited(self, seconds: float) -> np.ndarray:
        """What an edit has made of it."""
        return np.asarray(255 - self.filmed(seconds)[..., ::-1] // 2, np.uint8)

    def guide(self, rate: Fraction = GUIDE_RATE, size: tuple[int, int] = SIZE, seconds: Any = None) -> ArrayStream:
        count = round((seconds or self.seconds) * rate)
        return ArrayStream(np.stack([self.filmed(index / float(rate), size) for index in range(count)]), rate)

    def truth(self) -> dict[int, np.ndarray]:
        """Frames that lie between keyframes, by number."""
        moments = enumerate(schedule(self.plan, RATE))
        return {number: self.edited(number / float(RATE)) for number, bracket in moments if bracket.weight}

    def stream(self, guide: Any = None, net: Any = None, **more: Any) -> GuidedStream:
        source = ArrayStream(self.keys, GRID)
        return GuidedStream(source, self.plan, RATE, net or Blend(), guide=guide or self.guide(), **more)

    def plain(self) -> InterpolatedStream:
        return InterpolatedStream(ArrayStream(self.keys, GRID), self.plan, RATE, Blend())


def read(stream: Any, size: int = 8) -> Frames:
    return np.concatenate(list(stream.chunks(size)))
