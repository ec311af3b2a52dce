"""What all ways of making a frame between two keyframes have in common: the net fuses a pair of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Protocol

from ...video.stream import Picture
from ..stream import is_still
from .box import Box


@dataclass(frozen=True)
class Moment:
    """When a frame of a shot is shown.

    Attributes:
        left, right: places in the shot of the keyframes around it.
        time: in frames of the plan's grid.
        weight: share 0..1 of the right keyframe.
    """

    left: int
    right: int
    time: Fraction
    weight: Fraction


@dataclass(frozen=True, eq=False)
class KeyframesOfShot:
    """The keyframes of one shot.

    Attributes:
        first, last: frames of the plan's grid at which the shot begins and ends.
        frames: of the grid, that are its keyframes; their places in it count from 0.
        picture: gives a keyframe by its place.
    """

    first: int
    last: int
    frames: Sequence[int]
    picture: Callable[[int], Picture]

    def told_from_neighbours(self, place: int) -> Moment:
        """The moment of a keyframe as if it were a frame between those beside it."""
        before, frame, after = (self.frames[at] for at in (place - 1, place, place + 1))
        return Moment(place - 1, place + 1, Fraction(frame), Fraction(frame - before, after - before))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A frame, and the box of it that is still to be made."""

    picture: Picture
    box: Box


@dataclass(frozen=True, eq=False)
class Pair:
    """Two pictures that the net fuses.

    Attributes:
        left, right: RGB, of the same size.
        around: the frame that the result is a part of; ``None`` where it is all of it.
    """

    left: Picture
    right: Picture
    around: Surroundings | None = None

    @cached_property
    def is_still(self) -> bool:
        """Whether both are as good as equal."""
        return is_still(self.left, self.right)

    def frame(self, fused: Picture) -> Picture:
        """The whole frame."""
        if self.around is None:
            return fused
        found = self.around.picture.copy()
        self.around.box.of(found)[...] = fused
        return found


class PairMaker(Protocol):
    """One way of making the frames of a shot."""

    def work(self, moment: Moment) -> Callable[[], Pair]:
        """Makes both keyframes around a moment, brought to it as far as the way can: the net fuses them.

        What is done when that is called may be done in any thread.
        """

    def forget_before(self, place: int) -> None:
        """Let go of what is only needed in front of a keyframe."""


class NetAlone:
    """Keyframes as they are: all is left to the net."""

    def __init__(self, shot: KeyframesOfShot) -> None:
        self._shot = shot

    def work(self, moment: Moment) -> Callable[[], Pair]:
        return partial(Pair, self._shot.picture(moment.left), self._shot.picture(moment.right))

    def forget_before(self, place: int) -> None:
        pass
