"""Keyframes where the motion needs them: close together where it turns, far apart where it flows."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .keyframes import Keyframes

Features: TypeAlias = npt.NDArray[np.float32]
"""What is seen in each frame, ``(frames, values)``; distances between frames say how different they look."""

Costs: TypeAlias = npt.NDArray[np.float32]
"""``(gap, frame)``: what interpolation leaves wrong between a frame and the one ``gap`` frames later."""

LONGEST_PIECE = 3000
"""Frames that are planned together; the work grows with the square."""

_LONGEST_GAP = 4  # times the mean gap


def adaptive(
    features: Features, frame_rate: Fraction, count: int, cuts: tuple[int, ...] = (), reach: float = 0.02
) -> Keyframes:
    """The ``count`` keyframes between which interpolation errs least.

    Between two keyframes a feature is taken to move in a straight line, as interpolation does: what curves away from
    the line is the error, and so is a share of the way itself, since long ways are interpolated worse. The sum over
    all frames is minimised by dynamic programming over the gaps (Lim and Thalmann, "Key-posture extraction out of human
    motion data by curve simplification", EMBS 2001, simplify the same curves greedily). Clips of more than
    ``LONGEST_PIECE`` frames are planned in pieces of equal length.

    Args:
        features: of at least one frame.
        frame_rate: of the grid.
        count: of keyframes; raised to the first and last frame of every shot, and no more than there are frames.
        cuts: frames at which a new shot begins.
        reach: how much the way between keyframes counts, against curving.

    Raises:
        InputError: ``count`` is below 1, or there are no frames.
    """
    if count < 1:
        raise InputError("count", str(count), "1 keyframe or more")
    frames = len(features)
    shots = Keyframes.all_frames(frames, frame_rate, cuts).segments()
    chosen = {frame for shot in shots for frame in shot}
    pieces = -(-frames // LONGEST_PIECE)
    for piece in range(pieces):
        first, end = frames * piece // pieces, frames * (piece + 1) // pieces
        share = count * (piece + 1) // pieces - count * piece // pieces
        inside = tuple(cut - first for cut in cuts if first < cut < end)
        chosen |= {first + frame for frame in _plan(features[first:end], share, inside, reach)}
    return Keyframes(tuple(sorted(chosen)), frames, frame_rate, cuts)


def _plan(features: Features, count: int, cuts: tuple[int, ...], reach: float) -> list[int]:
    frames = len(features)
    least = len({0, frames - 1, *cuts, *(cut - 1 for cut in cuts)})
    count = min(max(count, least), frames)
    longest = _LONGEST_GAP * -(-frames // count)
    while True:
        costs = _interval_costs(features, min(max(longest, 2), frames), cuts, reach)
        path = _cheapest_path(costs, count)
        if path or longest >= frames:
            return path
        longest *= 2  # a long shot among many short ones gets few keyframes


def _interval_costs(features: Features, longest: int, cuts: tuple[int, ...], reach: float) -> Costs:
    """Squared errors of straight lines, summed over the frames between their ends; infinite across cuts and ends."""
    frames = len(features)
    costs = np.full((longest + 1, frames), np.inf, np.float32)
    costs[1, : frames - 1] = 0
    for gap in range(2, min(longest, frames - 1) + 1):
        first, way = features[:-gap], features[gap:] - features[:-gap]
        error = np.zeros(frames - gap, np.float32)
        for step in range(1, gap):
            middle = features[step : step + frames - gap]
            error += ((middle - first - np.float32(step / gap) * way) ** 2).sum(axis=1)
        nearness = sum(min(step, gap - step) for step in range(1, gap)) / gap
        costs[gap, : frames - gap] = error + np.float32(reach * nearness) * (way**2).sum(axis=1)
        for cut in cuts:
            costs[gap, max(cut - gap, 0) : cut] = np.inf
    return costs


def _cheapest_path(costs: Costs, count: int) -> list[int]:
    """The ``count`` frames from the first to the last whose gaps cost least together; none if no gaps add up."""
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
