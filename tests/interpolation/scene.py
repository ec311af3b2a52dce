"""A dancer whose every frame can be drawn, and a net that does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from frugal_motion.nodes.interpolation.guided_stream import GuidedStream
from frugal_motion.nodes.interpolation.schedule import schedule
from frugal_motion.nodes.interpolation.stream import InterpolatedStream
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames
from frugal_motion.training.renderer import draw

from ..motion.synthetic import dance

GRID, RATE, EVERY = Fraction(12), Fraction(25), 4
SIZE = (144, 256)
FINE = 25  # steps of the fine motion per frame of the grid


class Blend:
    """A net that does nothing but blend."""

    def prepare(self, frame: np.ndarray) -> np.ndarray:
        return frame

    def make(self, wanted: Any) -> Frames:
        return np.stack(
            [cv2.addWeighted(one.left, float(1 - one.weight), one.right, float(one.weight), 0) for one in wanted]
        )

    def flops_per_pixel(self) -> float:
        return 0.0


class CountedStream(ArrayStream):
    """A stream that knows how many of its frames were read."""

    frames_read = 0

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        for frame in self.frames:
            self.frames_read += 1
            yield frame[None]


class Scene:
    """A dancer, drawn as the demo's mannequin; a keyframe every third of a second."""

    def __init__(self, seed: int = 1, frames: int = 17, people: int = 1, cuts: tuple[int, ...] = ()) -> None:
        self.fine = dance(2, GRID * FINE, people, seed)
        self.motion = Motion(self.fine.keypoints[: frames * FINE : FINE], GRID, *SIZE)
        self.plan = every_nth(frames, GRID, EVERY, cuts)
        self.keys = np.stack([self.drawn(frame * FINE) for frame in self.plan.frames])

    def drawn(self, step: int) -> np.ndarray:
        return draw(self.fine.keypoints[step], 0, 3, *SIZE)[0]

    def truth(self) -> dict[int, np.ndarray]:
        """Frames that lie between keyframes, by number."""
        moments = enumerate(schedule(self.plan, RATE))
        return {number: self.drawn(round(number * GRID / RATE * FINE)) for number, bracket in moments if bracket.weight}

    def stream(self, net: Any = None, motion: Motion | None = None, **more: Any) -> GuidedStream:
        source = ArrayStream(self.keys, GRID)
        return GuidedStream(source, self.plan, RATE, net or Blend(), motion or self.motion, **more)

    def plain(self, net: Any = None) -> InterpolatedStream:
        return InterpolatedStream(ArrayStream(self.keys, GRID), self.plan, RATE, net or Blend())


class HeldScene(Scene):
    """The same with every frame of the grid a keyframe, and who stands still for spans of them."""

    def __init__(self, frames: int, held: Sequence[tuple[int, int]], seed: int = 1) -> None:
        self.fine = dance(frames / float(GRID), GRID, 1, seed)
        shown = np.arange(frames)
        for first, last in held:
            shown[first : last + 1] = first
        self.motion = Motion(self.fine.keypoints[shown], GRID, *SIZE)
        self.plan = every_nth(frames, GRID, 1)
        drawn = {frame: self.drawn(frame) for frame in set(shown.tolist())}
        self.keys = np.stack([drawn[frame] for frame in shown.tolist()])


class PannedScene(Scene):
    """The same before a wider background, along which the camera pans by 1.5 pixels a frame of the grid."""

    def __init__(self, seed: int = 1, frames: int = 17) -> None:
        super().__init__(seed, frames)
        still = self.motion.keypoints.copy()
        shift = np.array([self._left(frame * FINE) / SIZE[0] for frame in range(frames)], np.float32)
        still[..., 0] += 0.5 - shift[:, None, None]
        self.motion = self.motion.with_keypoints(still)

    def drawn(self, step: int) -> np.ndarray:
        people = self.fine.keypoints[step].copy()
        people[..., 0] = (people[..., 0] + 0.5) / 2
        wide = draw(people, 0, 3, 2 * SIZE[0], SIZE[1])[0]
        move = np.array([(1, 0, -self._left(step)), (0, 1, 0)])
        return np.asarray(cv2.warpAffine(wide, move, SIZE), np.uint8)

    def _left(self, step: int) -> float:
        return 60 + 1.5 * step / FINE
