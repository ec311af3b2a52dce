"""The value on a FRUGAL_KEYFRAMES wire."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar

from ..errors import InputError
from ..storable import Storable


@dataclass(frozen=True)
class Bracket:
    """A frame between two keyframes.

    Attributes:
        left, right: positions in ``Keyframes.frames`` of the keyframes on either side (equal on a keyframe,
            and where a cut or the clip's end leaves only one side).
        weight: share 0..1 of the right one, linear in time.
    """

    left: int
    right: int
    weight: Fraction


@dataclass(frozen=True)
class Keyframes(Storable):
    """Which frames of a clip's grid are sampled.

    Attributes:
        frames: ascending frame numbers that are sampled; every segment has at least one.
        frame_count: frames on the grid.
        frame_rate: frames per second of the grid.
        cuts: ascending frame numbers at which a new shot begins (never 0).
    """

    STORED_AS: ClassVar[str] = "keyframes"

    frames: tuple[int, ...]
    frame_count: int
    frame_rate: Fraction
    cuts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.frame_count < 1:
            raise InputError("keyframes", f"a clip of {self.frame_count} frames", "1 frame or more")
        if self.frame_rate <= 0:
            raise InputError("frame_rate", str(self.frame_rate), "more than 0")
        for name, numbers, lowest in (("keyframes", self.frames, 0), ("cuts", self.cuts, 1)):
            ascending = all(a < b for a, b in pairwise(numbers))
            if not ascending or (numbers and not lowest <= numbers[0] <= numbers[-1] < self.frame_count):
                allowed = f"ascending frame numbers {lowest}..{self.frame_count - 1}"
                raise InputError(name, str(numbers), allowed)
        for first, last in self.segments():
            if bisect_left(self.frames, first) == bisect_right(self.frames, last):
                raise InputError("keyframes", f"none in frames {first}..{last}", "at least one between two cuts")

    def segments(self) -> list[tuple[int, int]]:
        """First and last frame of every shot."""
        starts = (0, *self.cuts)
        return list(zip(starts, (*(cut - 1 for cut in self.cuts), self.frame_count - 1), strict=True))

    def bracket(self, frame: Fraction | int) -> Bracket:
        """The keyframes around a (possibly fractional) frame number; never across a cut.

        Before a shot's first keyframe and after its last one the nearest keyframe is held.
        """
        shot = bisect_right(self.cuts, frame)
        begin = self.cuts[shot - 1] if shot else 0
        end = self.cuts[shot] if shot < len(self.cuts) else self.frame_count
        first, last = bisect_left(self.frames, begin), bisect_left(self.frames, end) - 1
        after = bisect_right(self.frames, frame, first, last + 1)
        left, right = max(after - 1, first), min(after, last)
        if left == right or self.frames[left] >= frame:
            return Bracket(left, left, Fraction(0))
        weight = (Fraction(frame) - self.frames[left]) / (self.frames[right] - self.frames[left])
        return Bracket(left, right, weight)

    @classmethod
    def all_frames(cls, frame_count: int, frame_rate: Fraction, cuts: tuple[int, ...] = ()) -> Keyframes:
        """Every frame is a keyframe: what a dense edit leaves for interpolation."""
        return cls(tuple(range(frame_count)), frame_count, frame_rate, cuts)

    def between(self) -> Keyframes | None:
        """The frames that are no keyframes, as a plan of one shot; ``None`` if there are none."""
        others = sorted(set(range(self.frame_count)) - set(self.frames))
        return Keyframes(tuple(others), self.frame_count, self.frame_rate) if others else None

    def to_fields(self) -> dict[str, Any]:
        """Content for the cache (see ``storable.Storable``)."""
        return {
            "frames": list(self.frames),
            "frame_count": self.frame_count,
            "frame_rate": str(self.frame_rate),
            "cuts": list(self.cuts),
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Keyframes:
        """The plan that ``to_fields`` described."""
        rate = Fraction(fields["frame_rate"])
        return cls(tuple(fields["frames"]), fields["frame_count"], rate, tuple(fields["cuts"]))
