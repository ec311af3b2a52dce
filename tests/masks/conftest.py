"""Figures whose pixels are known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.masks.person_masks import PersonMasks, packed
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.stream import ArrayStream, Frames, VideoInfo
from frugal_motion.training.renderer import draw

from ..motion.synthetic import dance

RATE = Fraction(12)
SIZE = 256


@dataclass(frozen=True, eq=False)
class Drawn:
    """Frames of drawn people, the motion they are drawn by, and each one's pixels ``(people, frames, h, w)``."""

    frames: Frames
    motion: Motion
    truth: np.ndarray

    @property
    def stream(self) -> ArrayStream:
        return ArrayStream(self.frames, RATE)


def masks_of(info: VideoInfo, frames: Iterable[np.ndarray]) -> PersonMasks:
    """Those of one person."""
    return PersonMasks(info, [[packed(mask)] for mask in frames])


def drawn(people: int, count: int = 16, seed: int = 4) -> Drawn:
    """Dancers as marble statues in a studio, side by side."""
    keypoints = np.array(dance(2, RATE, people, seed).keypoints[:count])
    if people > 1:
        for person in range(people):
            keypoints[:, person, :, 0] = (keypoints[:, person, :, 0] - 0.5) * 0.6 + (person + 0.5) / people
    motion = Motion(keypoints, RATE, SIZE, SIZE)
    pictures = [draw(one, 3, 0, SIZE, SIZE)[0] for one in keypoints]
    masks = [[draw(one[person : person + 1], 3, 0, SIZE, SIZE)[1] for one in keypoints] for person in range(people)]
    return Drawn(np.stack(pictures), motion, np.array(masks))


@pytest.fixture(scope="session")
def model(assets: Path) -> Path:
    return assets / "models/mediapipe/pose_landmarker_full.task"
