"""Keyframes where they are needed: close together where interpolation would err, far apart where it would not."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .expected_error import Errors
from .keyframes import Keyframes

Costs: TypeAlias = npt.NDArray[np.float32]
"""``(gap, frame)``: the error between a frame and the one ``gap`` frames later; infinite across cuts and the end."""

LONGEST_PIECE = 3000
"""Frames that are planned together; the work grows with the square."""

LONGEST_GAP = 4
"""Times the mean gap; more only where a shot is long and others are short."""


def adaptive(
    errors: Errors, frame_count: int, frame_rate: Fraction, count: int, cuts: tuple[int, ...] = ()
) -> Keyframes:
    """The ``count`` keyframes between which interpolation errs least.

    The errors of all gaps are summed and minimised by dynamic programming (Lim and Thalmann, "Key-posture extraction
    out of human motion data by curve simplification", EMBS 2001, simplify motion curves greedily). Clips of more than
    ``LONGEST_PIECE`` frames are planned in pieces of equal length.

    Args:
        errors: what is expected between two frames.
        frame_count: of the clip, 1 or more.
        frame_rate: of the grid.
        count: of keyframes; raised to the first and last frame of every shot, and no more than there are frames.
        cuts: frames at which a new shot begins.

    Raises:
        InputError: ``count`` is below 1, or there are no frames.
    """
    if count < 1:
        raise InputError("count", str(count), "1 keyframe or more")
    shots = Keyframes.all_frames(frame_count, frame_rate, cuts).segments()
    chosen = {frame for shot in shots for frame in shot}
    table = _Table(errors, frame_count, cuts)
    pieces = -(-frame_count // LONGEST_PIECE)
    for piece in range(pieces):
        first, end = frame_count * piece // pieces, frame_count * (piece + 1) // pieces
        share = count * (piece + 1) // pieces - count * piece // pieces
        ends = {frame for frame in chosen if first <= frame < end} | {first, end - 1}
        chosen |= set(_plan(table, first, end, max(share, len(ends))))
    return Keyframes(tuple(sorted(chosen)), frame_count, frame_rate, cuts)


class _Table:
    """Costs by gap, computed when they are first asked for."""

    def __init__(self, errors: Errors, frames: int, cuts: tuple[int, ...]) -> None:
        self._errors, self._frames, self._cuts = errors, frames, cuts
        self._rows = [np.full(frames, np.inf, np.float32)]  # no gap is 0

    def up_to(self, gap: int) -> Costs:
        """Costs of all gaps up to ``gap``."""
        self._rows += [self._of(more) for more in range(len(self._rows), gap + 1)]
        return np.stack(self._rows[: gap + 1])

    def _of(self, gap: int) -> npt.NDArray[np.float32]:
        costs = np.full(self._frames, np.inf, np.float32)
        if gap == 1:
            costs[: self._frames - 1] = 0
        elif gap < self._frames:
            costs[: self._frames - gap] = self._errors(gap)
            for cut in self._cuts:
                costs[max(cut - gap, 0) : cut] = np.inf
        return costs


def _plan(table: _Table, first: int, end: int, count: int) -> list[int]:
    """The best ``count`` frames from ``first`` to ``end - 1``, both among them."""
    frames = end - first
    count = min(count, frames)
    longest = LONGEST_GAP * -(-frames // count)
    while True:
        path = _cheapest_path(table.up_to(min(max(longest, 2), frames))[:, first:end], count)
        if path or longest >= frames:
            return [first + frame for frame in path]
        longest *= 2  # a long shot among many short ones gets few keyframes


def _cheapest_path(costs: Costs, count: int) -> list[int]:
    """The ``count`` columns from the first to the last whose gaps cost least together; none if no gaps add up."""
    longest, frames = len(costs) - 1, costs.shape[1]
    best = np.full(frames, np.inf)
    best[0] = 0
    gaps = np.zeros((count, frames), np.uint16)
    for step in range(1, count):
        reached = np.full((longest + 1, frames), np.inf)
        for gap in range(1, min(longest, frames - 1) + 1):
            reached[gap, gap:] = best[:-gap] + costs[gap, :-gap]
        gaps[step] = reached.argmin(axis=0)
        best = reached.min(axis=0)
    if not np.isfinite(best[-1]):
        return []
    path = [frames - 1]
    for step in range(count - 1, 0, -1):
        path.append(path[-1] - int(gaps[step, path[-1]]))
    return path[::-1]
