"""Clips of somebody who dances, drawn on the spot, with the motions that they were drawn by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.opencv import cv2
from frugal_motion.nodes.pose.draw import overlay_pose
from frugal_motion.nodes.video.stream import FrameStream, VideoInfo
from frugal_motion.nodes.video.tensors import to_image
from frugal_motion.tests.motion.synthetic import dance

from .._edit import RATE

DRAWN = 256
"""Pixels along the shorter side at which frames are drawn, at least."""


def dancing(seconds: float, rate: Fraction, width: int, height: int) -> Motion:
    """Someone who dances in the middle of a frame of any shape."""
    motion = dance(seconds, rate)
    keypoints = np.array(motion.keypoints)
    squeezed = (motion.width / motion.height) / (width / height)
    keypoints[..., 0] = (keypoints[..., 0] - 0.5) * squeezed + 0.5
    return replace(motion, keypoints=keypoints, width=width, height=height)


class DrawnClip(FrameStream):
    """A figure that dances before a picture, which sways as if it was filmed by hand; drawn small, and enlarged.

    Args:
        motion: of the figure; its rate, its size and its number of frames are the clip's.
    """

    def __init__(self, motion: Motion) -> None:
        self.motion = motion
        self.info = VideoInfo(motion.width, motion.height, motion.frame_rate, motion.frame_count)
        scale = max(min(motion.width, motion.height) // DRAWN, 1)
        coarse = np.random.default_rng(0).integers(40, 216, (24, 24, 3), np.uint8)
        self._place = cv2.resize(coarse, (motion.width // scale, motion.height // scale), interpolation=cv2.INTER_CUBIC)

    def chunks(self, size: int = 8) -> Iterator[Any]:
        for first in range(0, self.info.frame_count, size):
            frames = range(first, min(first + size, self.info.frame_count))
            yield np.stack([self._frame(index) for index in frames])

    def _frame(self, index: int) -> Any:
        swayed = np.roll(self._place, (round(4 * np.sin(index / 9)), round(6 * np.sin(index / 14))), (0, 1))
        drawn = overlay_pose(self.motion.keypoints[index], swayed, 4.0, 1.0)
        return cv2.resize(drawn, (self.info.width, self.info.height))


@dataclass(frozen=True, eq=False)
class HeldClip:
    """A clip whose frames are all in memory.

    Attributes:
        motion: by which they were drawn.
        frames: RGB ``(frames, size, size, 3)``, 0..255, at ``RATE``.
    """

    motion: Any
    frames: Any

    def images(self, count: int) -> torch.Tensor:
        """The first of them as an IMAGE."""
        image: torch.Tensor = to_image(self.frames[:count])
        return image

    def keyframes(self, every: int) -> Any:
        """A plan by which every so manieth frame is a keyframe."""
        return every_nth(len(self.frames), RATE, every)


def held_clip(frames: int, size: int) -> HeldClip:
    """That many frames of ``size`` by ``size`` pixels."""
    motion = dancing(frames / float(RATE), RATE, size, size)
    return HeldClip(motion, DrawnClip(motion).frames_at(range(frames)))
