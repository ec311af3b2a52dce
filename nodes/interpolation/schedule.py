"""When the frames of the result are shown, and between which keyframes each of them lies."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ..keyframes.keyframes import Bracket, Keyframes


def frame_count(keyframes: Keyframes, frame_rate: Fraction) -> int:
    """Frames at ``frame_rate`` in the time that the grid lasts; at least one."""
    return max(round(keyframes.frame_count / keyframes.frame_rate * frame_rate), 1)


def schedule(keyframes: Keyframes, frame_rate: Fraction) -> Iterator[Bracket]:
    """Where every output frame lies; frame ``j`` is shown at ``j / frame_rate`` seconds, exactly.

    A frame that falls on a keyframe is that keyframe. Between two keyframes of one shot it is a share of both;
    after a shot's last keyframe that one is held: nothing is made across a cut or past the end.
    """
    step = keyframes.frame_rate / frame_rate
    for j in range(frame_count(keyframes, frame_rate)):
        yield keyframes.bracket(j * step)
