"""Cutting clips into batches that fit memory, so that the result does not depend on the cut."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

from ..keyframes.keyframes import Keyframes

Mode = Literal["sparse", "dense"]
"""Whether a clip's keyframes are sampled, or all its frames under keyframed control."""


@dataclass(frozen=True)
class Unit:
    """Rows of a clip that a batch holds together.

    Attributes:
        frames: ascending frame numbers of the rows.
        redrawn: those of them that belong to the result. The others are keyframes whose residuals these need.
    """

    frames: tuple[int, ...]
    redrawn: tuple[int, ...]


@dataclass(frozen=True)
class RowPlan:
    """Which frames of a clip take a row, in units of which each may share a keyframe with the one before."""

    units: tuple[Unit, ...]

    @classmethod
    def of(cls, mode: Mode, keyframes: Keyframes, redrawn: Collection[int] | None = None) -> RowPlan:
        """The rows of a clip.

        Args:
            mode: see ``Mode``.
            keyframes: of the clip.
            redrawn: numbers of the frames that are to be sampled; ``None`` for all of the mode.
        """
        wanted = set(range(keyframes.frame_count) if redrawn is None else redrawn)
        if mode == "dense":
            return cls(tuple(_intervals(keyframes, wanted)))
        return cls(tuple(Unit((frame,), (frame,)) for frame in keyframes.frames if frame in wanted))

    @cached_property
    def frames(self) -> tuple[int, ...]:
        """Ascending numbers of all frames that take a row."""
        return tuple(dict.fromkeys(frame for unit in self.units for frame in unit.frames))

    @cached_property
    def redrawn(self) -> tuple[int, ...]:
        """Those of them that belong to the result."""
        return tuple(frame for unit in self.units for frame in unit.redrawn)

    def part(self, first: int, rows: int) -> Part | None:
        """The units from the ``first``-th on that ``rows`` allow, one at least; ``None`` when there are none left."""
        frames: list[int] = []
        redrawn: set[int] = set()
        end = first
        for unit in self.units[first:]:
            more = [frame for frame in unit.frames if not frames or frame > frames[-1]]
            if frames and len(frames) + len(more) > rows:
                break
            frames += more
            redrawn.update(unit.redrawn)
            end += 1
        if end == first:
            return None
        kept = tuple(row for row, frame in enumerate(frames) if frame in redrawn)
        return Part(0, tuple(frames), kept, first, end, first == 0, end == len(self.units))


def _intervals(keyframes: Keyframes, wanted: Collection[int]) -> Iterator[Unit]:
    """From each keyframe or cut to the next: frames between two keyframes need the residuals of both."""
    keys, shots = set(keyframes.frames), {0, *keyframes.cuts, keyframes.frame_count}
    for first, end in pairwise(sorted(keys | shots)):
        redrawn = tuple(frame for frame in range(first, end) if frame in wanted)
        if not redrawn:
            continue
        needed = {first, *({end} - shots)} & keys
        if redrawn == (first,) and first in keys:
            needed = {first}
        yield Unit(tuple(sorted(needed.union(redrawn))), redrawn)


@dataclass(frozen=True)
class Part:
    """Units of a clip that are sampled in one batch.

    Attributes:
        clip: whose they are.
        frames: ascending frame numbers of the rows.
        kept: numbers of the rows that belong to the result; the rest is context.
        first: number of its first unit.
        next: number of the unit that the following part starts with.
        begins, ends: whether it holds the clip's first and last unit.
    """

    clip: int
    frames: tuple[int, ...]
    kept: tuple[int, ...]
    first: int
    next: int
    begins: bool = True
    ends: bool = True


@dataclass(frozen=True)
class Position:
    """Where the next batch starts: a clip, and the number of a unit in it."""

    clip: int = 0
    first: int = 0


def batch_from(plans: Sequence[RowPlan], position: Position, rows: int) -> list[Part]:
    """Fill a batch of up to ``rows`` rows, from clip to clip; one part at least until all are sampled.

    Args:
        plans: of every clip.
        position: see ``after``.
        rows: that fit.
    """
    parts: list[Part] = []
    clip, first = position.clip, position.first
    while clip < len(plans) and (rows > 0 or not parts):
        part = plans[clip].part(first, rows)
        if part is None:
            clip, first = clip + 1, 0
            continue
        if parts and len(part.frames) > rows:
            break
        parts.append(replace(part, clip=clip))
        rows, first = rows - len(part.frames), part.next
    return parts


def after(parts: Sequence[Part]) -> Position:
    """Where the batch after this one starts."""
    return Position(parts[-1].clip, parts[-1].next)


def start_of(parts: Sequence[Part]) -> Position:
    """Where this batch starts."""
    return Position(parts[0].clip, parts[0].first)
