"""Places that have no name and that no two pictures share, for figures that are drawn into a mask.

Painted by chance, so that no photograph is needed: a slope of light, often a floor, things of all sizes and clouds of
noise (dead leaves and 1/f spectra: A. Lee et al., Occlusion Models for Natural Images, 2001).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from .poses import Random

Plane: TypeAlias = npt.NDArray[np.float32]

MOST_THINGS = 40


def paint(random: Random, width: int, height: int) -> Plane:
    """A place, RGB ``(height, width, 3)``, 0..255."""
    place = _slope(random, (height, width))
    if random.random() < 0.6:
        _lay_floor(place, random)
    for _ in range(int(MOST_THINGS * random.random() ** 2)):
        _put_thing(place, random)
    place += random.exponential(9.0) * clouds(random, (height, width))[..., None]
    if random.random() < 0.3:
        place = np.asarray(cv2.GaussianBlur(place, (0, 0), random.uniform(0.5, 4)), np.float32)
    return np.asarray(np.clip(place, 0, 255), np.float32)


def clouds(random: Random, shape: tuple[int, int]) -> Plane:
    """Noise of deviation 1 whose octaves are of random, mostly falling, strength ``(height, width)``."""
    height, width = shape
    fall = random.uniform(0.4, 1.1)
    total = np.zeros(shape, np.float32)
    for octave in range(int(math.log2(min(shape)))):
        grid = random.normal(0, fall**octave, (min(height, 2 << octave), min(width, 2 << octave))).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(total / (total.std() + 1e-6), np.float32)


def _colour(random: Random) -> Plane:
    """Three of four are near grey, as most of a room is."""
    spread = 12 if random.random() < 0.75 else 80
    return np.clip(random.uniform(0, 255) + random.normal(0, spread, 3), 0, 255).astype(np.float32)


def _slope(random: Random, shape: tuple[int, int]) -> Plane:
    """From one colour to a similar one, in any direction."""
    height, width = shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = random.uniform(0, 2 * math.pi)
    along = np.cos(angle) * columns / width + np.sin(angle) * rows / height
    start = _colour(random)
    end = start + random.normal(0, 40, 3)
    return np.asarray(start + (end - start) * along[..., None], np.float32)


def _lay_floor(place: Plane, random: Random) -> None:
    """A second slope below a slanting edge, half of the time with planks that run to a point."""
    height, width = place.shape[:2]
    left, right = height * (random.uniform(0.3, 0.85) + random.normal(0, 0.1, 2))
    floor = _slope(random, (height, width))
    if random.random() < 0.5:
        point = np.array((random.uniform(-0.5, 1.5) * width, min(left, right) - random.uniform(0, 1) * height))
        colour = (floor.mean(axis=(0, 1)) + random.normal(0, 40)).tolist()
        for foot in np.linspace(-2 * width, 3 * width, int(random.integers(8, 60))):
            _line(floor, point, np.array((foot, height)), colour, random)
    there = np.zeros((height, width), np.uint8)
    corners = np.array(((0, left), (width, right), (width, height), (0, height)))
    cv2.fillPoly(there, [corners.round().astype(np.int32)], 1)
    place[there > 0] = floor[there > 0]


def _put_thing(place: Plane, random: Random) -> None:
    """Something with corners, something round, or something thin; plain, or with a slope and clouds of its own."""
    height, width = place.shape[:2]
    side = min(height, width)
    reach = side * 0.6 * random.random() ** 2 + 2
    centre = random.uniform(0, 1, 2) * (width, height)
    if random.random() < 0.3:
        end = centre + random.normal(0, reach, 2)
        _line(place, centre, end, _colour(random).tolist(), random)
        return
    there = np.zeros((height, width), np.uint8)
    turn = random.normal(0, 0.25)
    if random.random() < 0.7:
        sides = random.uniform(0.25, 1, 2) * reach
        box = cv2.boxPoints((centre.tolist(), sides.tolist(), math.degrees(turn)))
        corners = box + random.normal(0, 0.08 * reach, box.shape)
        cv2.fillPoly(there, [corners.round().astype(np.int32)], 1)
    else:
        axes = np.maximum(1, random.uniform(0.15, 0.5, 2) * reach).astype(int).tolist()
        cv2.ellipse(there, centre.astype(int).tolist(), axes, math.degrees(turn), 0, 360, 1, cv2.FILLED)
    filled = _slope(random, (height, width)) if random.random() < 0.5 else np.broadcast_to(_colour(random), place.shape)
    place[there > 0] = filled[there > 0]


def _line(
    picture: Plane, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], colour: list[float], random: Random
) -> None:
    thickness = int(random.integers(1, max(2, min(picture.shape[:2]) // 40)))
    ends = [np.clip(point, -30_000, 30_000).round().astype(int).tolist() for point in (start, end)]
    cv2.line(picture, ends[0], ends[1], colour, thickness, cv2.LINE_AA)
