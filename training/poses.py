"""Poses to draw: random bodies by forward kinematics, and recorded real ones, placed in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Points: TypeAlias = npt.NDArray[np.float64]
Keypoints: TypeAlias = npt.NDArray[np.float32]
Random: TypeAlias = np.random.Generator

REAL_MOTION = Path(__file__).with_name("real_motion.npz")
TRAINED_TAKES = ("two_people", "walk")
UNSEEN_TAKES = ("one_person",)
"""Performances kept from training, all their cameras. The demo's clip is one of them."""

MIRRORED = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
"""OpenPose-18 with left and right exchanged."""

_DOWN, _LEFT, _FORWARD = np.eye(3)[1], np.eye(3)[0], np.eye(3)[2]
_LIMBS_THAT_HIDE = ((4,), (7,), (10,), (13,), (3, 4), (6, 7), (9, 10), (12, 13))
_EARS = (16, 17)


@dataclass(frozen=True)
class Placement:
    """How poses stand in pictures.

    Attributes:
        fill: range of the share of the picture that the body's longer side takes.
        close_up: share of the pictures that show a part of the body only.
        hidden: share of the poses that miss limbs.
    """

    fill: tuple[float, float] = (0.72, 0.99)
    close_up: float = 0.08
    hidden: float = 0.12


@cache
def real_poses(takes: tuple[str, ...]) -> Points:
    """Recorded poses ``(poses, 18, 2)``: x, y in picture heights."""
    with np.load(REAL_MOTION) as recorded:
        return np.concatenate([recorded[take] for take in takes]).astype(np.float64)


def random_body(random: Random) -> Points:
    """A random pose ``(18, 2)``, x to the right and y down, about 1.7 tall, from a random side."""
    wild = random.choice((0.45, 0.8, 1.2), p=(0.35, 0.45, 0.2))
    joints = np.zeros((18, 3))
    neck = joints[1] = (0.0, -0.5, 0.0)
    _pose_torso_and_head(joints, np.asarray(neck), wild, random)
    for shoulder, side in ((2, -1), (5, 1)):
        _pose_arm(joints, shoulder, side, wild, random)
    stride = random.normal(0, 0.45 * wild)
    for hip, side in ((8, -1), (11, 1)):
        _pose_leg(joints, hip, side, stride, wild, random)
    turn = random.uniform(0, 2 * np.pi) if random.random() < 0.5 else random.normal(0, 0.7)
    view = Rotation.from_euler("YXZ", (turn, random.normal(0, 0.12 * wild), random.normal(0, 0.1 * wild)))
    return np.asarray(view.apply(joints))[:, :2]


def _pose_torso_and_head(joints: Points, neck: Points, wild: float, random: Random) -> None:
    twist = random.normal(0, 0.2 * wild)
    shoulders = np.array((np.cos(twist), random.normal(0, 0.06), np.sin(twist)))
    joints[2], joints[5] = neck - 0.19 * shoulders, neck + 0.19 * shoulders
    joints[8], joints[11] = -0.11 * _LEFT, 0.11 * _LEFT
    gaze = Rotation.from_euler("Y", random.normal(0, 0.35))
    forward, left = gaze.apply(_FORWARD), gaze.apply(_LEFT)
    head = neck + (0, -0.2, 0.03) + random.normal(0, 0.03, 3)
    joints[0] = head + 0.1 * forward
    joints[14], joints[15] = (head + 0.08 * forward + side * 0.035 * left - 0.035 * _DOWN for side in (-1, 1))
    joints[16], joints[17] = head - 0.08 * left, head + 0.08 * left


def _pose_arm(joints: Points, shoulder: int, side: int, wild: float, random: Random) -> None:
    upper = _unit(_DOWN * random.uniform(-0.3, 1.3) + _LEFT * side * 0.45 + random.normal(0, 0.55 * wild, 3))
    axis = _unit(np.cross(upper, _FORWARD) + random.normal(0, 0.5, 3))
    bend = Rotation.from_rotvec(axis * abs(random.normal(0, 0.9 * wild)))
    joints[shoulder + 1] = joints[shoulder] + 0.29 * upper
    joints[shoulder + 2] = joints[shoulder + 1] + 0.26 * bend.apply(upper)


def _pose_leg(joints: Points, hip: int, side: int, stride: float, wild: float, random: Random) -> None:
    sway = np.array((random.normal(0, 0.22), 0, 0.12 + random.normal(0, 0.3))) * wild
    thigh = _unit(1.15 * _DOWN + 0.12 * side * _LEFT + side * stride * _FORWARD + sway)
    bend = Rotation.from_rotvec(-_LEFT * abs(random.normal(0, 0.55 * wild)))
    joints[hip + 1] = joints[hip] + 0.44 * thigh
    joints[hip + 2] = joints[hip + 1] + 0.42 * bend.apply(thigh)


def _unit(vector: Points) -> Points:
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9))


def varied_real(random: Random, takes: tuple[str, ...] = TRAINED_TAKES) -> Points:
    """A recorded pose with a little noise, turned and stretched a little ``(18, 2)``."""
    recorded = real_poses(takes)
    points = recorded[random.integers(len(recorded))].copy()
    points += random.normal(0, 0.004 * np.ptp(points[:, 1]), points.shape)
    angle = random.normal(0, 0.1)
    turn = np.array(((np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))))
    return np.asarray(points @ turn * (random.uniform(0.85, 1.15), 1.0))


def placed(points: Points, size: tuple[int, int], random: Random, placement: Placement = Placement()) -> Keypoints:
    """Stand a pose somewhere in a picture; every second one is mirrored.

    Args:
        points: ``(18, 2)`` in any unit.
        size: width and height of the picture.

    Returns:
        ``(18, 3)``: x, y as fractions of the picture, confidence 0 (hidden) or 1.
    """
    if random.random() < 0.5:
        points = points[list(MIRRORED)] * (-1, 1)
    extent = np.asarray(size) / min(size)  # the picture's own, in its shorter sides
    low, high = points.min(axis=0), points.max(axis=0)
    flesh = np.max(high - low)  # the head is larger than its joints, and so are hands and feet
    low, high = low - flesh * np.array((0.04, 0.1)), high + flesh * np.array((0.04, 0.05))
    fill = random.uniform(*placement.fill) if random.random() >= placement.close_up else random.uniform(1.0, 1.5)
    scale = fill * (extent / (high - low)).min()
    points = (points - (low + high) / 2) * scale
    half = (high - low) / 2 * scale
    room = np.maximum(extent - 2 * half, 0)
    where = extent / 2 + room * random.uniform(-0.5, 0.5, 2)
    if random.random() < 0.6:  # most people stand near the lower edge
        where[1] = extent[1] / 2 + room[1] / 2
    keypoints = np.ones((18, 3), np.float32)
    keypoints[:, :2] = (points + where) / extent
    _hide(keypoints, random, placement.hidden)
    return keypoints


def _hide(keypoints: Keypoints, random: Random, share: float) -> None:
    if random.random() < share:
        for limb in _LIMBS_THAT_HIDE:
            if random.random() < 0.2:
                keypoints[list(limb), 2] = 0
    if random.random() < 2 * share:  # one ear is often behind the head
        keypoints[random.choice(_EARS), 2] = 0


def random_people(
    random: Random,
    size: tuple[int, int],
    takes: tuple[str, ...] = TRAINED_TAKES,
    real: float = 0.4,
    people: tuple[float, float, float] = (0.03, 0.89, 0.08),
    alone: Placement = Placement(),
) -> Keypoints:
    """Nobody, one person or two: ``(people, 18, 3)``.

    Args:
        real: share of the poses that are recorded ones.
        people: shares of the pictures with 0, 1 and 2 people.
        alone: how a single person stands.
    """
    count = int(random.choice(3, p=people))
    placement = alone if count < 2 else Placement(fill=(0.5, 0.85))
    bodies = [varied_real(random, takes) if random.random() < real else random_body(random) for _ in range(count)]
    stood = [placed(body, size, random, placement) for body in bodies]
    return np.stack(stood) if stood else np.zeros((0, 18, 3), np.float32)
