"""When the frames of the result are shown, and between which keyframes each of them lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..keyframes.keyframes import Bracket, Keyframes


def frame_count(keyframes: Keyframes, frame_rate: Fraction, lasts: Fraction | None = None) -> int:
    """Frames at ``frame_rate`` in the time that the grid lasts, or in ``lasts`` seconds; at least one."""
    seconds = keyframes.frame_count / keyframes.frame_rate if lasts is None else lasts
    return max(round(seconds * frame_rate), 1)


def schedule(keyframes: Keyframes, frame_rate: Fraction, lasts: Fraction | None = None) -> Iterator[Bracket]:
    """Where every output frame lies; frame ``j`` is shown at ``j / frame_rate`` seconds, exactly.

    A frame that falls on a keyframe is that keyframe. Between two keyframes of one shot it is a share of both;
    after a shot's last keyframe that one is held: nothing is made across a cut or past the end.
    """
    step = keyframes.frame_rate / frame_rate
    for j in range(frame_count(keyframes, frame_rate, lasts)):
        yield keyframes.bracket(j * step)


@dataclass(frozen=True)
class FramesToMake:
    """How many frames of a result are made, how many pictures they lie between, and how many are shown as they are."""

    made: int
    used: int
    shown: int


def frames_to_make(keyframes: Keyframes, frame_rate: Fraction) -> FramesToMake:
    """Count the frames of a schedule. Pairs of equal pictures, which need no net, are not known here."""
    brackets = list(schedule(keyframes, frame_rate))
    between = [bracket for bracket in brackets if bracket.weight > 0]
    return FramesToMake(
        made=len(between),
        used=len({index for bracket in between for index in (bracket.left, bracket.right)}),
        shown=len({bracket.left for bracket in brackets if bracket.weight == 0}),
    )
