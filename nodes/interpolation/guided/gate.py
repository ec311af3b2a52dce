"""Whether frames of a shot are better made with its motion or without: each way has to tell known frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...opencv import cv2
from ..interpolator import Picture
from .cutout import WINDOW, Shot
from .likeness import structural_similarity

MOST_TESTS = 4
"""Keyframes of a shot that are told from their neighbours."""

_FIGURE = 0.3
_MARGIN = (17, 17)  # pixels around figures that count too


@dataclass(frozen=True)
class Likeness:
    """How alike the figures of known and of made keyframes are, 0..1, by the motion and without it."""

    guided: float
    plain: float

    @property
    def is_guided_better(self) -> bool:
        return self.guided >= self.plain

    def __str__(self) -> str:
        return f"likeness {self.guided:.2f} with the motion, {self.plain:.2f} without"


@dataclass(frozen=True, eq=False)
class ToldKeyframe:
    """A known keyframe, and what each way makes of it from those beside it.

    Attributes:
        place: in its shot.
        truth: the keyframe.
        told: by way.
        likeness: of figures in ``told`` to those in ``truth``, 0..1, by way.
    """

    place: int
    truth: Picture
    told: Mapping[str, Picture]
    likeness: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class JudgedShot:
    """What the gate has found of a shot.

    Attributes:
        number: of the shot, from 0.
        way: that was taken.
        keyframes: by which it was judged; none where too few lie in between.
    """

    number: int
    way: str
    keyframes: Sequence[ToldKeyframe]


def tested_keyframes(count: int) -> Sequence[int]:
    """Which keyframes of a shot are told from those beside them: a few near its beginning."""
    inside = range(1, min(count - 1, 2 * WINDOW))
    picked = np.linspace(0, len(inside) - 1, min(MOST_TESTS, len(inside)))
    return [inside[round(place)] for place in picked]


def compare_ways(
    shot: Shot,
    count: int,
    guided: Callable[[int], Picture],
    plain: Callable[[int], Picture],
    seen: Callable[[ToldKeyframe], None] = lambda _: None,
) -> Likeness | None:
    """Tell keyframes of a shot from their neighbours, both ways; ``None`` where there are none in between.

    Args:
        shot: with its keyframes.
        count: of them.
        guided, plain: make the keyframe at a place from those beside it.
        seen: is given each keyframe that was told.
    """
    found = []
    for place in tested_keyframes(count):
        people = [shot.alpha(at) > _FIGURE for at in (place - 1, place, place + 1)]
        zone = cv2.dilate(np.any(people, axis=0).astype(np.uint8), np.ones(_MARGIN, np.uint8)) > 0
        if zone.any():
            truth = shot.picture(place)
            told = {"motion": guided(place), "net alone": plain(place)}
            likeness = {way: float(structural_similarity(one, truth)[zone].mean()) for way, one in told.items()}
            seen(ToldKeyframe(place, truth, told, likeness))
            found.append(list(likeness.values()))
    if not found:
        return None
    with_motion, without = np.mean(found, axis=0)
    return Likeness(float(with_motion), float(without))
