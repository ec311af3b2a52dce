"""Evenly spaced keyframes."""

from __future__ import annotations

from fractions import Fraction

from ..errors import InputError
from .keyframes import Keyframes


def every_nth(frame_count: int, frame_rate: Fraction, every: int, cuts: tuple[int, ...] = ()) -> Keyframes:
    """Take every ``every``-th frame of each shot, and its last one.

    The last frame of a shot is always a keyframe, so that interpolation never has to extrapolate. An
    interval longer than a shot therefore leaves that shot's first and last frame.

    Raises:
        InputError: ``every`` is below 1, or there is no frame.
    """
    if every < 1:
        raise InputError("every", str(every), "1 (every frame is sampled) or more")
    grid = Keyframes.all_frames(frame_count, frame_rate, cuts)
    frames = sorted({f for a, b in grid.segments() for f in (*range(a, b + 1, every), b)})
    return Keyframes(tuple(frames), frame_count, frame_rate, cuts)
