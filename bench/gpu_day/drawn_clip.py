"""A clip of somebody who dances, drawn on the spot, with the motion that it was drawn by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.tensors import to_image
from frugal_motion.tests.motion.synthetic import dance
from frugal_motion.training.renderer import draw

GRID = Fraction(12)
"""Frames per second."""


@dataclass(frozen=True, eq=False)
class DrawnClip:
    """Somebody who fills the picture.

    Attributes:
        motion: by which they were drawn.
        frames: RGB ``(frames, size, size, 3)``, at ``GRID``.
    """

    motion: Any
    frames: Any

    def images(self, count: int) -> torch.Tensor:
        """The first of them as an IMAGE."""
        image: torch.Tensor = to_image(self.frames[:count])
        return image

    def keyframes(self, every: int) -> Any:
        """A plan by which every so manieth frame is a keyframe."""
        return every_nth(len(self.frames), GRID, every)


def drawn_clip(frames: int, size: int) -> DrawnClip:
    """That many frames of ``size`` by ``size`` pixels."""
    moved = dance(frames / float(GRID), GRID, seed=20)
    motion = Motion(moved.keypoints, GRID, size, size)
    with ThreadPoolExecutor() as pool:  # OpenCV and NumPy let go of the interpreter
        drawn = pool.map(lambda people: draw(people, 0, 0, size, size)[0], motion.keypoints)
        return DrawnClip(motion, np.stack(list(drawn)))
