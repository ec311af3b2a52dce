"""Cutting a clip into batches that fit memory, so that the result does not depend on the cut."""

from __future__ import annotations

from dataclasses import dataclass

from ..keyframes.keyframes import Keyframes


@dataclass(frozen=True)
class Part:
    """Consecutive rows that are sampled in one batch.

    Attributes:
        frames: frame numbers of the rows.
        keep: how many of them, from the first, belong to the result; the rest is context.
        next: where the following part starts.
    """

    frames: tuple[int, ...]
    keep: int
    next: int


def sparse_part(keyframes: Keyframes, first: int, rows: int) -> Part | None:
    """Up to ``rows`` keyframes from the ``first``-th on; ``None`` when there are none left."""
    frames = keyframes.frames[first : first + rows]
    return Part(frames, len(frames), first + len(frames)) if frames else None


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
    return Part(tuple(range(first, stop)), end - first, end)
