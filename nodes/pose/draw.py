"""OpenPose drawings, as openpose ControlNets expect them.

Tables, order and geometry are those of controlnet_aux 0.0.10 (``open_pose/util.py``), the preprocessor that openpose
ControlNets are used with, at a short side of 512 pixels: an ellipse of half-width 4 per limb in its colour x 0.6, over
them a disc of radius 4 per joint in its full colour, one person after another. Other sizes scale the two widths.
ControlNets of xinsir were trained with wider limbs (its ``xinsr_stick_scaling``), hence a factor for them.
"""

from __future__ import annotations

import colorsys
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..motion.motion import BODY_JOINTS, HAND_JOINTS, Keypoints
from ..opencv import cv2

Picture: TypeAlias = npt.NDArray[np.uint8]

LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10),
    (1, 11), (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""Pairs of joints in drawing order."""

COLOURS = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0),
    (0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255),
    (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
)  # fmt: skip
"""RGB of joint *i*; limb *i* has the same x 0.6."""

HAND_EDGES = tuple(
    (0 if step == 0 else 4 * finger + step, 4 * finger + step + 1) for finger in range(5) for step in range(4)
)
"""From the wrist along each finger, thumb first."""

_TRAINED_SIDE = 512
_WIDTH = 4  # half-width of a limb and radius of a joint at _TRAINED_SIDE
_LIMB_SHADE = 0.6
_FARTHEST = 100_000  # pixels from the corner, well within what OpenCV can draw
_HAND_LINE = 2
_HAND_JOINT_COLOUR = (0, 0, 255)


def draw_pose(keypoints: Keypoints, width: int, height: int, limb_width: float = 1.0) -> Picture:
    """Draw one frame's people on black.

    Args:
        keypoints: ``(people, 18 or 60, 3)``: x, y as fractions of the picture, confidence; joints of confidence 0 and
            the limbs that end in them are left out.
        width, height: of the picture in pixels.
        limb_width: of the body's limbs, as a multiple of the usual one.

    Returns:
        RGB ``(height, width, 3)``.
    """
    canvas = np.zeros((height, width, 3), np.uint8)
    scale = min(width, height) / _TRAINED_SIDE
    found = keypoints[..., 2] > 0
    pixels = np.clip(keypoints[..., :2].astype(np.float64) * (width, height), -_FARTHEST, _FARTHEST)
    body = len(BODY_JOINTS)
    for points, there in zip(pixels, found, strict=True):
        _draw_body(canvas, points[:body], there[:body], scale, limb_width)
        for first in range(body, len(points), HAND_JOINTS):
            hand = slice(first, first + HAND_JOINTS)
            _draw_hand(canvas, points[hand], there[hand], scale)
    return canvas


def overlay_pose(keypoints: Keypoints, frame: Picture, limb_width: float = 1.0, opacity: float = 0.8) -> Picture:
    """Draw one frame's people over the frame, to see whether the pose sits on the person.

    Args:
        keypoints: as in ``draw_pose``.
        frame: RGB ``(height, width, 3)``; left as it is.
        limb_width: as in ``draw_pose``.
        opacity: 0..1 of the drawing.
    """
    height, width, _ = frame.shape
    drawn = draw_pose(keypoints, width, height, limb_width)
    blended = cv2.addWeighted(frame, 1 - opacity, drawn, opacity, 0)
    return np.where(drawn.any(axis=2, keepdims=True), blended, frame)


def _draw_body(
    canvas: Picture, points: npt.NDArray[np.float64], found: npt.NDArray[np.bool_], scale: float, limb_width: float
) -> None:
    half_width = _scaled(_WIDTH, scale * limb_width)
    for (a, b), colour in zip(LIMBS, COLOURS, strict=False):
        if found[a] and found[b]:
            shade = [int(channel * _LIMB_SHADE) for channel in colour]
            cv2.fillConvexPoly(canvas, _limb(points[a], points[b], half_width), shade)
    for point, there, colour in zip(points, found, COLOURS, strict=True):
        if there:
            cv2.circle(canvas, _pixel(point), _scaled(_WIDTH, scale), colour, thickness=cv2.FILLED)


def _limb(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], half_width: int) -> npt.NDArray[np.int32]:
    """An ellipse from joint to joint. Whole pixels and degrees, as in training."""
    dx, dy = a - b
    half = int(math.hypot(dx, dy) / 2)
    return np.asarray(
        cv2.ellipse2Poly(_pixel((a + b) / 2), (half, half_width), int(math.degrees(math.atan2(dy, dx))), 0, 360, 1)
    )


def _draw_hand(canvas: Picture, points: npt.NDArray[np.float64], found: npt.NDArray[np.bool_], scale: float) -> None:
    for index, (a, b) in enumerate(HAND_EDGES):
        if found[a] and found[b]:
            hue = colorsys.hsv_to_rgb(index / len(HAND_EDGES), 1.0, 1.0)
            colour = [255 * channel for channel in hue]
            cv2.line(canvas, _pixel(points[a]), _pixel(points[b]), colour, _scaled(_HAND_LINE, scale))
    for point, there in zip(points, found, strict=True):
        if there:
            cv2.circle(canvas, _pixel(point), _scaled(_WIDTH, scale), _HAND_JOINT_COLOUR, thickness=cv2.FILLED)


def _scaled(width: int, scale: float) -> int:
    return max(1, round(width * scale))


def _pixel(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    return int(point[0]), int(point[1])
