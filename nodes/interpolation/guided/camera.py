"""How the camera has moved between two pictures, by what of the background can be tracked."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...opencv import cv2
from .figure_map import Plane

Move: TypeAlias = npt.NDArray[np.float64]
"""``(3, 3)``: brings homogeneous pixel places of one picture to those of another."""

STANDS: Move = np.eye(3)

_CLEAR = 0.25  # body scales from anybody
_POINTS, _QUALITY, _APART = 200, 0.01, 6
_FEWEST = 12
_AGREED = 0.4  # share of the points that have to move as one
_BACK = 1.0  # pixels: a point tracked there and back lands nearer than that
_LEAST = 0.8  # pixels: a corner that moves less stands still


def camera_move(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], away: Plane) -> Move:
    """Brings places of ``after`` to those of ``before``: a turn, a scale and a shift; ``STANDS`` where none is found.

    Corners (Shi and Tomasi, "Good features to track", CVPR 1994) are followed by pyramidal Lucas-Kanade, and RANSAC
    finds the move that most of them share.

    Args:
        before, after: RGB ``(height, width, 3)``.
        away: distance of the places of ``before`` from people, in body scales, ``(height, width)``.
    """
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after)]
    follow = partial(cv2.calcOpticalFlowPyrLK, winSize=(21, 21), maxLevel=4)
    clear = (away > _CLEAR).astype(np.uint8)
    points = cv2.goodFeaturesToTrack(grey[0], _POINTS, _QUALITY, _APART, mask=clear)
    if points is None or len(points) < _FEWEST:
        return STANDS
    there, found, _ = follow(grey[0], grey[1], points, None)
    back, found_back, _ = follow(grey[1], grey[0], there, None)
    off = np.hypot(*(back - points)[:, 0].T)
    good = (found.ravel() > 0) & (found_back.ravel() > 0) & (off < _BACK)
    if good.sum() < _FEWEST:
        return STANDS
    move, agreed = cv2.estimateAffinePartial2D(there[good], points[good], ransacReprojThreshold=2)
    if move is None or agreed.sum() < max(10, _AGREED * good.sum()):
        return STANDS
    whole = np.vstack((move, (0, 0, 1)))
    height, width = grey[0].shape
    corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)], float).T
    return STANDS if np.abs((whole @ corners - corners)[:2]).max() < _LEAST else whole


def share_of(move: Move, share: float) -> Move:
    """The camera after a share of a move."""
    scale, angle = np.hypot(move[0, 0], move[1, 0]) ** share, np.arctan2(move[1, 0], move[0, 0]) * share
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([(cosine, -sine, move[0, 2] * share), (sine, cosine, move[1, 2] * share), (0, 0, 1)])


def stands(move: Move) -> bool:
    """Whether a move is none."""
    return np.allclose(move, STANDS)


def moved(picture: Any, move: Move) -> Any:
    """A picture in the places that a move brings it to; what lies beyond its edges has their colours."""
    height, width = picture.shape[:2]
    return cv2.warpAffine(picture, move[:2], (width, height), borderMode=cv2.BORDER_REPLICATE)


def moved_mask(mask: npt.NDArray[np.bool_], move: Move) -> npt.NDArray[np.bool_]:
    """A mask in the places that a move brings it to; nothing lies beyond its edges."""
    height, width = mask.shape
    there = cv2.warpAffine(mask.astype(np.uint8), move[:2], (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(there > 0)
