"""Cutting clips into batches that fit memory, so that the result does not depend on the cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..keyframes.keyframes import Keyframes


@dataclass(frozen=True)
class Part:
    """Consecutive rows of a clip that are sampled in one batch.

    Attributes:
        clip: whose they are.
        frames: frame numbers of the rows.
        keep: how many of them, from the first, belong to the result; the rest is context.
        next: where the following part starts.
        begins, ends: whether it holds the clip's first and last row.
    """

    clip: int
    frames: tuple[int, ...]
    keep: int
    next: int
    begins: bool = True
    ends: bool = True


Cut: TypeAlias = Callable[[Keyframes, int, int], Part | None]
"""From a plan, where to start and the rows that fit to the next part; ``None`` at the end."""


@dataclass(frozen=True)
class Position:
    """Where the next batch starts: a clip, and how far it has been sampled."""

    clip: int = 0
    first: int = 0


def batch_from(plans: Sequence[Keyframes], cut: Cut, position: Position, rows: int) -> list[Part]:
    """Fill a batch of up to ``rows`` rows, from clip to clip; one part at least until all are sampled.

    Args:
        plans: of every clip.
        cut: ``sparse_part`` or ``dense_part``.
        position: see ``after``.
        rows: that fit.
    """
    parts: list[Part] = []
    clip, first = position.clip, position.first
    while clip < len(plans) and (rows > 0 or not parts):
        part = cut(plans[clip], first, rows)
        if part is None:
            clip, first = clip + 1, 0
            continue
        if parts and len(part.frames) > rows:
            break
        ends = cut(plans[clip], part.next, rows) is None
        parts.append(replace(part, clip=clip, begins=first == 0, ends=ends))
        rows, first = rows - len(part.frames), part.next
    return parts


def after(parts: Sequence[Part]) -> Position:
    """Where the batch after this one starts."""
    return Position(parts[-1].clip, parts[-1].next)


def sparse_part(keyframes: Keyframes, first: int, rows: int) -> Part | None:
    """Up to ``rows`` keyframes from the ``first``-th on; ``None`` when there are none left."""
    frames = keyframes.frames[first : first + rows]
    return Part(0, frames, len(frames), first + len(frames)) if frames else None


def dense_part(keyframes: Keyframes, first: int, rows: int) -> Part | None:
    """All frames from frame ``first`` up to the last keyframe that ``rows`` allow (one interval at least).

    Residuals between two keyframes need both, so a part ends with the keyframe that begins the next one. A cut needs
    no such context.
    """
    if first >= keyframes.frame_count:
        return None
    starts = {0, *keyframes.cuts, keyframes.frame_count}
    ends = sorted(frame for frame in starts.union(keyframes.frames) if frame > first)
    stops = [(end, end if end in starts else end + 1) for end in ends]
    fitting = [pair for pair in stops if pair[1] - first <= rows] or stops[:1]
    end, stop = fitting[-1]
    return Part(0, tuple(range(first, stop)), end - first, end)
