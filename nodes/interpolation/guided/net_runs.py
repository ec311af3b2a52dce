"""How often the net runs where frames between follow a motion, before any of them is made."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction

from ...keyframes.keyframes import Keyframes
from ..schedule import schedule
from .gate import tested_keyframes


def net_runs(keyframes: Keyframes, frame_rate: Fraction, ways: int) -> int:
    """Pairs of pictures that the net is given, each of which is prepared for that pair alone.

    One for each frame that is made; and where there are several ways to choose from, one by each way for each keyframe
    that is told from its neighbours. Where figures follow a motion the pictures are as large as people need, at most as
    large as the frame. Backgrounds that differ between keyframes, which take one more for each frame,
    are not known here, nor pairs of equal pictures, which take none.

    Args:
        keyframes, frame_rate: of a ``GuidedStream``.
        ways: that each shot may choose from; 1 where it has no choice.
    """
    made = [bracket.left for bracket in schedule(keyframes, frame_rate) if bracket.weight > 0]
    if ways < 2:
        return len(made)
    openings = [bisect_left(keyframes.frames, first) for first, _ in keyframes.segments()]
    ends = [*openings[1:], len(keyframes.frames)]
    entered = {bisect_right(openings, keyframe) - 1 for keyframe in made}
    return len(made) + ways * sum(len(tested_keyframes(ends[shot] - openings[shot])) for shot in entered)
