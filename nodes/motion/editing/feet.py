"""Feet that stand stay where they stand, and none goes through the floor."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_opening, gaussian_filter1d, maximum_filter1d, uniform_filter1d

from ..body import ANKLES, HIPS
from ..limbs import Points, bend_side, bent_bone, body_heights, to_points
from ..motion import Motion

Contacts: TypeAlias = npt.NDArray[np.bool_]
"""``(frames, people, 2)``: whether the right and the left foot stand."""

_SLOW = 0.25  # body sizes per second
_NEAR_GROUND = 0.06  # body sizes above the lowest the ankle gets in the second and a half around
_AROUND_SECONDS = 1.5
_SHORTEST_SECONDS = 0.12
_BLEND_SECONDS = 0.15

_PULLS = 4
_LEGS = ((8, 9, 10), (11, 12, 13))


def contacts(motion: Motion) -> Contacts:
    """Find the frames in which each foot stands: its ankle is slow and near its lowest place for 0.12 s or longer.

    The camera must not move. Each foot has its own ground, as the far foot stands higher in the picture.
    """
    rate = float(motion.frame_rate)
    if motion.frame_count < 3:
        return np.zeros((motion.frame_count, motion.people, 2), bool)
    points = to_points(motion)
    size = body_heights(points)[:, None]
    ankles = gaussian_filter1d(points[..., ANKLES], 0.04 * rate, axis=0, mode="nearest")
    speed = np.abs(np.gradient(ankles, axis=0)) * rate
    ground = _ground(ankles, rate)
    there = motion.keypoints[:, :, ANKLES, 2] > 0
    stands = there & (speed < _SLOW * size) & (ankles.imag > ground - _NEAR_GROUND * size)
    run = np.ones((max(2, round(_SHORTEST_SECONDS * rate)), 1, 1), bool)
    return np.asarray(binary_opening(stands, run))


def _ground(ankles: Points, rate: float) -> npt.NDArray[np.float64]:
    """The lowest each ankle gets around each frame; y points down."""
    return np.asarray(maximum_filter1d(ankles.imag, 2 * round(_AROUND_SECONDS * rate) + 1, axis=0, mode="nearest"))


def planted(points: Points, source: Points, stands: Contacts, frame_rate: float) -> Points:
    """Put standing feet back where they are in ``source``, and lift those that went lower than they ever get there.

    Each leg is solved from hip to ankle with two bones of unchanged length; a straight one is foreshortened instead,
    as a knee that bends towards the camera is. Where the foot is further away than the leg was ever long in the source,
    the whole body comes along. The correction fades in and out around the contact.

    Args:
        points: the edited body, without gaps.
        source: the body before the edit, of the same shape.
        stands: whether each foot stands in each frame of both.
        frame_rate: frames per second.
    """
    if not points.size:
        return points
    ground = _ground(source[..., ANKLES], frame_rate)
    weight = _faded(stands, round(_BLEND_SECONDS * frame_rate))
    reach = _reach(source)
    result = points + _pull(points, source, weight, reach)[..., None]
    for side, (hip, knee, ankle) in enumerate(_LEGS):
        goal = result[..., ankle] + weight[..., side] * (source[..., ankle] - result[..., ankle])
        goal.imag = np.minimum(goal.imag, ground[..., side])
        leg = goal - result[..., hip]
        goal = result[..., hip] + leg * np.minimum(1, reach[..., side] / np.maximum(np.abs(leg), 1e-9))
        result[..., knee] = _knee(result[..., hip], result[..., knee], result[..., ankle], goal)
        result[..., ankle] = goal
    return np.asarray(result)


def _faded(stands: Contacts, frames: int) -> npt.NDArray[np.float64]:
    """1 while a foot stands, falling smoothly to 0 over about twice ``frames`` before and after."""
    size = 2 * frames + 1
    wide = maximum_filter1d(stands.astype(np.float64), size, axis=0, mode="nearest")
    ramp = np.clip(uniform_filter1d(wide, size, axis=0, mode="nearest"), 0, 1)
    return np.asarray(np.where(ramp < 1e-6, 0, ramp * ramp * (3 - 2 * ramp)))


def _reach(source: Points) -> npt.NDArray[np.float64]:
    """How far each leg reaches ``(frames, people, 2)``: as long as it is mostly seen, or is seen now."""
    lengths = [
        np.abs(source[..., hip] - source[..., knee]) + np.abs(source[..., knee] - source[..., ankle])
        for hip, knee, ankle in _LEGS
    ]
    length = np.stack(lengths, axis=-1)
    return np.asarray(np.maximum(np.percentile(length, 95, axis=0), length))


def _pull(
    points: Points, source: Points, weight: npt.NDArray[np.float64], reach: npt.NDArray[np.float64]
) -> npt.NDArray[np.complex128]:
    """How far the body must move ``(frames, people)`` so that it reaches both standing feet.

    Moving towards one foot and the other in turn ends where both are in reach, as they were before the edit.
    """
    pull = np.zeros(points.shape[:2], np.complex128)
    for _ in range(_PULLS):
        for side, (hip, ankle) in enumerate(zip(HIPS, ANKLES, strict=True)):
            leg = source[..., ankle] - points[..., hip] - pull
            length = np.abs(leg)
            excess = np.maximum(length - reach[..., side], 0) / np.maximum(length, 1e-9)
            pull += weight[..., side] * excess * leg
    return pull


def _knee(hip: Points, knee: Points, ankle: Points, goal: Points) -> Points:
    """Where the knee goes when the ankle goes to ``goal`` and the hip stays."""
    thigh, shank = np.abs(knee - hip), np.abs(ankle - knee)
    old, new = ankle - hip, goal - hip
    before, after = np.maximum(np.abs(old), 1e-9), np.maximum(np.abs(new), 1e-9)
    stretched = hip + (knee - hip) * (new / after) * (after / before) * np.exp(-1j * np.angle(old))
    bent = hip + bent_bone(new, thigh, shank, bend_side(knee - hip, old))
    # Near straight, a little less distance throws the knee far aside, which no knee does that bends to the camera.
    bend = np.clip((1 - before / np.maximum(thigh + shank, 1e-9) - 0.02) / 0.06, 0, 1)
    bend = np.where(after > before, 1, bend)
    possible = (np.abs(thigh - shank) < after) & (np.abs(thigh - shank) < before)
    return np.asarray(np.where(possible, stretched + bend * (bent - stretched), stretched))
