"""Poses between the frames of a motion, against curves that are known at every time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.interpolation.guided.poses import poses_at
from frugal_motion.nodes.motion.motion import Keypoints, Motion

from ..motion.synthetic import dance
from .scene import FINE, GRID, SIZE

FRAMES = 17


def on_grid(keypoints: Keypoints) -> Motion:
    return Motion(keypoints, GRID, *SIZE)


def test_what_is_held_is_held_still_before_it_snaps() -> None:
    pose = dance(1, GRID, seed=1).keypoints[:1]
    held = np.repeat(pose, FRAMES, axis=0)
    held[8:, :, :, 0] += 0.2 * (held[8:, :, :, 2] > 0)
    times = [Fraction(place, 10) for place in range(71)]
    found = poses_at(on_grid(held), (0, FRAMES - 1), times)
    assert np.abs(found[..., :2] - pose[:, :, :18, :2]).max() < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_a_smooth_motion_is_told_between_its_frames(seed: int) -> None:
    """Three times as near as straight lines between the frames."""
    fine = dance(2, GRID * FINE, seed=seed).keypoints[:, :, :18]
    motion = on_grid(fine[: (FRAMES - 1) * FINE + 1 : FINE])
    times = [Fraction(step, FINE) for step in range(0, (FRAMES - 1) * FINE, 7)]
    truth = np.stack([fine[round(time * FINE)] for time in times])[..., :2]
    found = poses_at(motion, (0, FRAMES - 1), times)[..., :2]
    before = np.array([int(time) for time in times])
    share = np.array([float(time % 1) for time in times])[:, None, None, None]
    points = motion.keypoints[..., :2]
    lines = points[before] * (1 - share) + points[before + 1] * share
    assert np.abs(found - truth).mean() < np.abs(lines - truth).mean() / 3


def test_times_beyond_a_shot_are_those_of_its_ends() -> None:
    motion = on_grid(dance(2, GRID, seed=2).keypoints[:FRAMES])
    found = poses_at(motion, (4, 9), [Fraction(0), Fraction(4), Fraction(9), Fraction(12)])
    assert np.allclose(found[0], found[1], atol=1e-5) and np.allclose(found[2], found[3], atol=1e-5)
    assert np.allclose(found[1:3], motion.keypoints[[4, 9], :, :18], atol=1e-5)
