"""The way of a camera through a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..opencv import cv2
from ..video.stream import Picture
from .camera import STANDS, WINDOW, BackgroundTracker, Move, stands
from .crop import Size
from .plate import BinaryMask

_TRACKED = 1280  # pixels: longer side of the pictures that are tracked
_FAR = 0.1  # of the picture: having moved so far, the camera is followed by other corners


@dataclass(frozen=True, eq=False)
class CameraShot:
    """Frames through which the camera could be followed.

    Attributes:
        first, end: its frames are those of the clip from ``first`` up to, not including, ``end``.
        moves: by frame ``(frames, 3, 3)``; brings its places to those of the first, in fractions of the frame.
    """

    first: int
    end: int
    moves: npt.NDArray[np.float64]

    @property
    def stands(self) -> bool:
        """Whether the camera stands still."""
        return stands(self.moves)

    def move(self, frame: int, other: int, size: Size) -> Move:
        """Brings pixels of a frame ``other`` to those of ``frame``, both of this width and height."""
        here, there = (self.moves[at - self.first] for at in (frame, other))
        return _in_pixels(np.linalg.inv(here) @ there, size)


class CameraPath:
    """Follows a camera frame by frame. Where it is lost, as at a cut, a shot begins.

    Args:
        frame: width and height of the frames.
    """

    def __init__(self, frame: Size) -> None:
        scale = min(_TRACKED / max(frame), 1.0)
        self._size = round(frame[0] * scale), round(frame[1] * scale)
        self._shots: list[tuple[int, list[Move]]] = []
        self._tracker: BackgroundTracker
        self._last: tuple[Picture, BinaryMask]
        self._count = 0

    @property
    def size(self) -> Size:
        """Width and height at which it looks at frames."""
        return self._size

    @property
    def begun(self) -> int:
        """The first frame of the present shot."""
        return self._shots[-1][0]

    def go_on(self, picture: Picture, clear: BinaryMask) -> None:
        """Take the next frame.

        Args:
            picture: RGB, of any size.
            clear: where it shows background, of ``size``.
        """
        small = np.asarray(cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        move = self._followed(small) if self._shots else None
        if move is None:
            move = STANDS
            self._shots.append((self._count, []))
            self._track(small, clear, move)
        elif self._is_far(move):
            self._track(small, clear, move)
        self._shots[-1][1].append(move)
        self._last, self._count = (small, clear), self._count + 1

    def _followed(self, picture: Picture) -> Move | None:
        *_, earlier, before = STANDS, *self._shots[-1][1]
        going_on = before @ np.linalg.inv(earlier) @ before
        found = self._tracker.move_from(picture, np.linalg.inv(self._from) @ going_on)
        if found is None:
            self._track(*self._last, before)
            found = self._tracker.move_from(picture)
        return None if found is None else np.asarray(self._from @ found)

    def _track(self, picture: Picture, clear: BinaryMask, move: Move) -> None:
        # What is tracked is seen with its surroundings: people may not be among them.
        inside = cv2.erode(clear.astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0
        self._tracker, self._from = BackgroundTracker(picture, inside, "homography"), move

    def _is_far(self, move: Move) -> bool:
        width, height = self._size
        corners = np.array([[(0, 0), (width, 0), (0, height), (width, height)]], float)
        here, there = (cv2.perspectiveTransform(corners, one) for one in (move, self._from))
        return float(np.abs(here - there).max()) > _FAR * max(self._size)

    def shots(self) -> list[CameraShot]:
        """All frames so far."""
        return [
            CameraShot(first, first + len(moves), np.array([_in_fractions(move, self._size) for move in moves]))
            for first, moves in self._shots
        ]


def _in_fractions(move: Move, size: Size) -> Move:
    scale = np.diag([*size, 1.0])
    return np.asarray(np.linalg.inv(scale) @ move @ scale)


def _in_pixels(move: Move, size: Size) -> Move:
    scale = np.diag([*size, 1.0])
    return np.asarray(scale @ move @ np.linalg.inv(scale))
