"""Which way makes the frames of a shot best: each of them has to tell known frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...compositing.plate import BinaryMask
from ...opencv import cv2
from ...video.stream import Picture
from .cutout import WINDOW
from .likeness import structural_similarity
from .pair_maker import KeyframesOfShot

MOST_TESTS = 4
"""Keyframes of a shot that are told from their neighbours."""

NEAR = 0.002
"""Likeness by which a dearer way has to be better."""

_CHANGE = 16  # levels of 255
_MARGIN = (17, 17)  # pixels around what is compared that count too

_TOLD = {"motion": "with the motion", "guide": "with the guide", "net alone": "without"}


@dataclass(frozen=True)
class Likeness:
    """How alike known and made keyframes are, 0..1, by each way, the cheapest first."""

    by_way: Mapping[str, float]

    @property
    def best(self) -> str:
        """The way to take."""
        most = max(self.by_way.values())
        return next(way for way, likeness in self.by_way.items() if likeness >= most - NEAR)

    def __str__(self) -> str:
        ways = sorted(self.by_way, key=list(_TOLD).index)
        return "likeness " + ", ".join(f"{self.by_way[way]:.2f} {_TOLD[way]}" for way in ways)


def mean_likeness(known: Sequence[Likeness]) -> Likeness:
    """Of several shots, which were made by the same ways."""
    return Likeness({way: float(np.mean([one.by_way[way] for one in known])) for way in known[0].by_way})


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
    shot: KeyframesOfShot,
    ways: Mapping[str, Callable[[int], Picture]],
    shown: Callable[[int], BinaryMask] | None,
    pool: Executor,
    seen: Callable[[ToldKeyframe], None] = lambda _: None,
) -> Likeness | None:
    """Tell keyframes of a shot from their neighbours by every way; ``None`` where there are none in between.

    Args:
        shot: its keyframes.
        ways: make the keyframe at a place from those beside it, the cheapest first.
        shown: where the keyframe at a place shows what is compared; without, where the picture changes.
        pool: where pictures are compared.
        seen: is given each keyframe that was told.
    """
    found: list[tuple[float, ...]] = []
    for place in tested_keyframes(len(shot.frames)):
        around = [place - 1, place, place + 1]
        what = np.any([shown(at) for at in around], axis=0) if shown else _changing([shot.picture(at) for at in around])
        zone = cv2.dilate(what.astype(np.uint8), np.ones(_MARGIN, np.uint8)) > 0
        if zone.any():
            truth = shot.picture(place)
            told = {name: way(place) for name, way in ways.items()}
            alike = pool.map(partial(_likeness, truth, zone), told.values())
            found.append(tuple(alike))
            seen(ToldKeyframe(place, truth, told, dict(zip(told, found[-1], strict=True))))
    if not found:
        return None
    return Likeness(dict(zip(ways, map(float, np.mean(found, axis=0)), strict=True)))


def _likeness(truth: Picture, zone: BinaryMask, told: Picture) -> float:
    return float(structural_similarity(told, truth)[zone].mean())


def _changing(pictures: Sequence[Picture]) -> BinaryMask:
    """Where pictures differ."""
    return np.asarray((np.max(pictures, axis=0) - np.min(pictures, axis=0)).max(axis=-1) > _CHANGE)
