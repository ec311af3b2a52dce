"""How the camera has moved between two pictures, by what of the background can be tracked."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..opencv import cv2
from ..video.stream import Picture
from .plate import BinaryMask

Move: TypeAlias = npt.NDArray[np.float64]
"""``(3, 3)``: brings homogeneous pixel places of one picture to those of another."""

Kind: TypeAlias = Literal["similarity", "homography"]
"""What a camera may do: turn about its axis, zoom and shift; or turn any way about where it stands."""

STANDS: Move = np.eye(3)

WINDOW = 21
"""Pixels: side of the surroundings by which a corner is found again."""

_POINTS, _QUALITY, _APART = 200, 0.01, 6
_FEWEST = 12
_AGREED = 0.4  # share of the points that have to move as one
_ENOUGH = 40  # points that tell a homography
_BACK = 1.0  # pixels: a point tracked there and back lands nearer than that
_LEAST = 0.8  # pixels: a corner that moves less stands still
_NOISE = 10.0  # levels of 255: most of a background that stands, and has nothing to track, changes less


class BackgroundTracker:
    """Follows the background of a picture through others.

    Corners (Shi and Tomasi, "Good features to track", CVPR 1994) are followed by pyramidal Lucas-Kanade, there and
    back, and RANSAC finds the move that most of them share.

    Args:
        picture: RGB ``(height, width, 3)``.
        clear: where it shows background.
        kind: of camera.
    """

    def __init__(self, picture: Picture, clear: BinaryMask, kind: Kind = "similarity") -> None:
        self._grey, self._clear, self._kind = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), clear, kind
        self._points = cv2.goodFeaturesToTrack(self._grey, _POINTS, _QUALITY, _APART, mask=clear.astype(np.uint8))

    def move_from(self, other: Picture, guess: Move = STANDS) -> Move | None:
        """Brings places of another picture to those of this one; ``None`` where nothing can be held on to.

        Args:
            other: RGB, of the same size.
            guess: about what it will be.
        """
        grey = cv2.cvtColor(other, cv2.COLOR_RGB2GRAY)
        found = self._found_again(grey, guess)
        if found is None:
            return STANDS if self._looks_alike(grey) else None
        move = _move_of(*found, self._kind)
        if move is None:
            return None
        height, width = grey.shape
        corners = np.array([[(0, 0), (width, 0), (0, height), (width, height)]], float)
        return STANDS if np.abs(cv2.perspectiveTransform(corners, move) - corners).max() < _LEAST else move

    def _found_again(self, grey: Any, guess: Move) -> tuple[Any, Any] | None:
        """The corners in the other picture, and here."""
        if self._points is None or len(self._points) < _FEWEST:
            return None
        follow = partial(
            cv2.calcOpticalFlowPyrLK, winSize=(WINDOW, WINDOW), maxLevel=4, flags=cv2.OPTFLOW_USE_INITIAL_FLOW
        )
        start = cv2.perspectiveTransform(self._points, np.linalg.inv(guess)).astype(np.float32)
        there, found, _ = follow(self._grey, grey, self._points, start)
        back, found_back, _ = follow(grey, self._grey, there, self._points.copy())
        off = np.hypot(*(back - self._points)[:, 0].T)
        good = (found.ravel() > 0) & (found_back.ravel() > 0) & (off < _BACK)
        return (there[good], self._points[good]) if good.sum() >= _FEWEST else None

    def _looks_alike(self, grey: Any) -> bool:
        """Whether the background shows no sign of a move, as a plain wall does."""
        apart = cv2.absdiff(self._grey, grey)[self._clear]
        return bool(len(apart)) and float(np.percentile(apart, 90)) < _NOISE


def _move_of(there: Any, here: Any, kind: Kind) -> Move | None:
    """What most points agree on."""
    needed = max(10, _AGREED * len(there))
    if kind == "homography" and needed >= _ENOUGH * _AGREED:
        move, agreed = cv2.findHomography(there, here, cv2.USAC_MAGSAC, 1.0)
        if move is not None and agreed.sum() >= max(_ENOUGH, needed):
            inside = agreed.ravel() > 0
            return np.asarray(cv2.findHomography(there[inside], here[inside], 0)[0])
    move, agreed = cv2.estimateAffinePartial2D(there, here, ransacReprojThreshold=2)
    if move is None or agreed.sum() < needed:
        return None
    return np.vstack((move, (0, 0, 1)))


def camera_move(before: Picture, after: Picture, clear: BinaryMask) -> Move | None:
    """Brings places of ``after`` to those of ``before``: a turn, a scale and a shift; ``None`` where none is found.

    Args:
        before, after: RGB ``(height, width, 3)``.
        clear: where ``before`` shows background.
    """
    return BackgroundTracker(before, clear).move_from(after)


def share_of(move: Move, share: float) -> Move:
    """The camera after a share of a move, which is a turn, a scale and a shift."""
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


def moved_mask(mask: BinaryMask, move: Move) -> BinaryMask:
    """A mask in the places that a move brings it to; nothing lies beyond its edges."""
    height, width = mask.shape
    there = cv2.warpAffine(mask.astype(np.uint8), move[:2], (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(there > 0)
