"""What a clip looks like from afar: enough to find its cuts and to see where it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..opencv import cv2
from ..video.stream import FrameStream

Thumbnails: TypeAlias = npt.NDArray[np.uint8]
"""RGB, ``(frames, SIDE, SIDE, 3)``, whatever the clip's proportions."""

SIDE = 32

_CHANGE = 12.0  # of 255: less from one frame to the next is no cut
_TIMES_USUAL = 3.0  # as much as frames around it change
_AROUND = 3  # frames on either side that say what is usual
_FLASH = 0.5  # of a cut's change must remain when the frame next to it is left out


def thumbnails(stream: FrameStream, on_frames: Callable[[int], object] = lambda _: None) -> Thumbnails:
    """Shrink every frame.

    Args:
        stream: the clip; read once, a chunk at a time.
        on_frames: called with the number of frames done; may raise to stop.
    """
    small = np.empty((stream.info.frame_count, SIDE, SIDE, 3), np.uint8)
    done = 0
    for chunk in stream.chunks():
        for frame in chunk:
            small[done] = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            done += 1
        on_frames(len(chunk))
    return small


def find_cuts(small: Thumbnails) -> tuple[int, ...]:
    """Frames at which another shot begins.

    A cut changes the picture much more than the frames around it do, and for good: what lasts a single frame is a
    flash. Fades and dissolves are no cuts.
    """
    change = _change(small, 1)
    over_two = _change(small, 2)
    if len(change) == 0:
        return ()
    usual = _usual(change)
    # At a cut before frame f + 1, the picture also differs from frame f - 1 to f + 1 and from f to f + 2.
    padded = np.pad(over_two, 1, constant_values=np.inf)
    lasting = np.minimum(padded[:-1], padded[1:]) >= _FLASH * change
    is_cut = (change > _CHANGE) & (change > _TIMES_USUAL * usual) & lasting
    return tuple(int(frame) + 1 for frame in np.flatnonzero(is_cut))


def _change(small: Thumbnails, frames: int) -> npt.NDArray[np.float64]:
    """Mean change 0..255 of a picture after so many frames."""
    if len(small) <= frames:
        return np.zeros(0)
    apart = cv2.absdiff(small[frames:].reshape(-1, SIDE * SIDE * 3), small[:-frames].reshape(-1, SIDE * SIDE * 3))
    return np.asarray(apart.mean(axis=1, dtype=np.float64))


def _usual(change: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The median of the changes around each, without itself."""
    around = sliding_window_view(np.pad(change, _AROUND, mode="reflect"), 2 * _AROUND + 1)
    return np.asarray(np.median(np.delete(around, _AROUND, axis=1), axis=1))
