"""Drawings of poses, as the nets that are to follow them were trained with.

``openpose``: tables, order and geometry are those of controlnet_aux 0.0.10 (``open_pose/util.py``), the preprocessor
that openpose ControlNets are used with, at a short side of 512 pixels: an ellipse of half-width 4 per limb in its
colour x 0.6, over them a disc of radius 4 per joint in its full colour, one person after another. Other sizes scale the
two widths. ControlNets of xinsir were trained with wider limbs (its ``xinsr_stick_scaling``), hence a factor for them.

``vace``: as the annotator that comes with VACE draws (ali-vilab/VACE, ``annotators/pose.py``): the same widths at a
short side of 1024 pixels, whatever the size, and that picture is scaled to the size, so that limbs are thin and soft.
Limbs of all people lie under the joints of all. It gives red for blue and blue for red.

``wan animate``: as the preprocessing that comes with Wan 2.2 Animate draws (Wan-Video/Wan2.2,
``animate/preprocess/human_visualization.py``, stick width v2): limbs and joints of half-width 1 up to a short side of
599 pixels, and 1 more for every 200; hands of half of that.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

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

_LIMB_SHADE = 0.6
_FARTHEST = 100_000  # pixels from the corner, well within what OpenCV can draw
_HAND_JOINT_COLOUR = (0, 0, 255)

_WIDTH, _HAND_LINE = 4, 2  # half-width of a limb and radius of a joint; thickness of a finger
_OPENPOSE_SIDE = 512  # at which openpose ControlNets were trained with them
_VACE_SIDE, _VACE_MULTIPLE = 1024, 64  # at which VACE's annotator draws them


@dataclass(frozen=True)
class Widths:
    """Whole pixels: half-width of limbs, radius of joints, thickness of fingers and radius of their joints."""

    limb: int
    joint: int
    finger: int
    finger_joint: int


Style: TypeAlias = Literal["openpose", "vace", "wan animate"]
"""Whose drawing it is."""

STYLES: tuple[Style, ...] = get_args(Style)


def draw_pose(
    keypoints: Keypoints, width: int, height: int, limb_width: float = 1.0, style: Style = "openpose"
) -> Picture:
    """Draw one frame's people on black.

    Args:
        keypoints: ``(people, 18 or 60, 3)``: x, y as fractions of the picture, confidence; joints of confidence 0 and
            the limbs that end in them are left out.
        width, height: of the picture in pixels.
        limb_width: of the body's limbs, as a multiple of the usual one.
        style: whose drawing it is.

    Returns:
        RGB ``(height, width, 3)``.
    """
    if style == "vace":
        return _drawn_for_vace(keypoints, width, height, limb_width)
    canvas = np.zeros((height, width, 3), np.uint8)
    widths = _animate_widths(canvas, limb_width) if style == "wan animate" else _openpose_widths(canvas, limb_width)
    for person in keypoints:
        _draw_people(canvas, person[None], widths)
    return canvas


def _openpose_widths(canvas: Picture, limb_width: float) -> Widths:
    scale = min(canvas.shape[:2]) / _OPENPOSE_SIDE
    joint = _scaled(_WIDTH, scale)
    return Widths(_scaled(_WIDTH, scale * limb_width), joint, _scaled(_HAND_LINE, scale), joint)


def _animate_widths(canvas: Picture, limb_width: float) -> Widths:
    stick = max(min(canvas.shape[:2]) // 200 - 1, 1)
    finger = max(stick // 2, 1)
    return Widths(_scaled(stick, limb_width), stick, finger, finger)


def _drawn_for_vace(keypoints: Keypoints, width: int, height: int, limb_width: float) -> Picture:
    factor = _VACE_SIDE / min(width, height)
    columns, rows = (max(round(side * factor / _VACE_MULTIPLE), 1) * _VACE_MULTIPLE for side in (width, height))
    canvas = np.zeros((rows, columns, 3), np.uint8)
    _draw_people(canvas, keypoints, Widths(_scaled(_WIDTH, limb_width), _WIDTH, _HAND_LINE, _WIDTH))
    is_larger = width * height > columns * rows
    scaled = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_LANCZOS4 if is_larger else cv2.INTER_AREA)
    return np.ascontiguousarray(scaled[..., ::-1])


def overlay_pose(
    keypoints: Keypoints, frame: Picture, limb_width: float = 1.0, opacity: float = 0.8, style: Style = "openpose"
) -> Picture:
    """Draw one frame's people over the frame, to see whether the pose sits on the person.

    Args:
        keypoints: as in ``draw_pose``.
        frame: RGB ``(height, width, 3)``; left as it is.
        limb_width: as in ``draw_pose``.
        opacity: 0..1 of the drawing.
        style: as in ``draw_pose``.
    """
    height, width, _ = frame.shape
    drawn = draw_pose(keypoints, width, height, limb_width, style)
    blended = cv2.addWeighted(frame, 1 - opacity, drawn, opacity, 0)
    return np.where(drawn.any(axis=2, keepdims=True), blended, frame)


def _draw_people(canvas: Picture, keypoints: Keypoints, widths: Widths) -> None:
    """Their limbs, over them their joints, over these their hands."""
    height, width, _ = canvas.shape
    found = keypoints[..., 2] > 0
    pixels = np.clip(keypoints[..., :2].astype(np.float64) * (width, height), -_FARTHEST, _FARTHEST)
    for (a, b), colour in zip(LIMBS, COLOURS, strict=False):
        shade = [int(channel * _LIMB_SHADE) for channel in colour]
        for points, there in zip(pixels, found, strict=True):
            if there[a] and there[b]:
                cv2.fillConvexPoly(canvas, _limb(points[a], points[b], widths.limb), shade)
    for joint, colour in enumerate(COLOURS):
        for points, there in zip(pixels, found, strict=True):
            if there[joint]:
                cv2.circle(canvas, _pixel(points[joint]), widths.joint, colour, thickness=cv2.FILLED)
    for points, there in zip(pixels, found, strict=True):
        for first in range(len(BODY_JOINTS), len(points), HAND_JOINTS):
            hand = slice(first, first + HAND_JOINTS)
            _draw_hand(canvas, points[hand], there[hand], widths)


def _limb(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], half_width: int) -> npt.NDArray[np.int32]:
    """An ellipse from joint to joint. Whole pixels and degrees, as in training."""
    dx, dy = a - b
    half = int(math.hypot(dx, dy) / 2)
    return np.asarray(
        cv2.ellipse2Poly(_pixel((a + b) / 2), (half, half_width), int(math.degrees(math.atan2(dy, dx))), 0, 360, 1)
    )


def _draw_hand(canvas: Picture, points: npt.NDArray[np.float64], found: npt.NDArray[np.bool_], widths: Widths) -> None:
    for index, (a, b) in enumerate(HAND_EDGES):
        if found[a] and found[b]:
            hue = colorsys.hsv_to_rgb(index / len(HAND_EDGES), 1.0, 1.0)
            colour = [255 * channel for channel in hue]
            cv2.line(canvas, _pixel(points[a]), _pixel(points[b]), colour, widths.finger)
    for point, there in zip(points, found, strict=True):
        if there:
            cv2.circle(canvas, _pixel(point), widths.finger_joint, _HAND_JOINT_COLOUR, thickness=cv2.FILLED)


def _scaled(width: int, scale: float) -> int:
    return max(1, round(width * scale))


def _pixel(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    return int(point[0]), int(point[1])
