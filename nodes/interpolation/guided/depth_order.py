"""Which limb is in front of which, by the colours of each where it lies free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from ...motion.figure import LIMB_ORDER
from ...opencv import cv2
from .figure_map import FAR, FigureMap, Plane

Limb: TypeAlias = tuple[int, int]
"""Person and index in ``LIMB_ORDER``, or ``WHOLE``."""

WHOLE = -1
"""All limbs of a person: who is in front of whom is told of people, not of their limbs."""

Evidence: TypeAlias = Mapping[tuple[Limb, Limb], float]
"""How much speaks for the first being in front of the second, in nats a pixel."""

_LEVELS = 8  # per colour
_FEWEST_OWN, _FEWEST_SHARED = 30, 10  # places
_MOST = 2.0  # nats: one place does not decide
_TOLD = 1.0  # nats a pixel from which evidence counts
_TORSO, _HEAD = LIMB_ORDER.index("torso"), LIMB_ORDER.index("head")
# Legs and head do not cross the torso but at their joint, where colours are mixed.
_NEVER = {frozenset((_TORSO, limb)) for limb in (LIMB_ORDER.index("right leg"), LIMB_ORDER.index("left leg"), _HEAD)}


def order_evidence(pictures: Sequence[npt.NDArray[np.uint8]], figures: Sequence[FigureMap]) -> list[Evidence]:
    """Of each picture, who seems to be in front of whom where two limbs of a person cross, or two people.

    Args:
        pictures: keyframes near each other in time: they share the colours of limbs.
        figures: in them.
    """
    codes = [_colour_codes(picture, one) for picture, one in zip(pictures, figures, strict=True)]
    limbs = [_depths(one) for one in figures]
    people = [_whole(one) for one in limbs]
    colours = _colours(codes, limbs), _colours(codes, people)
    return [
        {**_crossings(code, limb, colours[0]), **_crossings(code, whole, colours[1])}
        for code, limb, whole in zip(codes, limbs, people, strict=True)
    ]


def told_ranks(figures: FigureMap, evidence: Sequence[Evidence]) -> dict[Limb, int]:
    """Ranks of limbs that go before the usual ones, by evidence; what comes first goes before what follows."""
    told: dict[tuple[Limb, Limb], float] = {}
    for one in reversed(evidence):
        told.update({pair: nats for pair, nats in one.items() if abs(nats) > _TOLD})
    if not told:
        return {}
    lowest = {
        person: min(rank for limb, rank in figures.ranks.items() if limb[0] == person) for person in figures.people
    }
    people = _ordered([(person, WHOLE) for person in sorted(lowest, key=lambda person: lowest[person])], told)
    order: list[Limb] = []
    for person, _ in people:
        usual = sorted((limb for limb in figures.ranks if limb[0] == person), key=lambda limb: figures.ranks[limb])
        order += _ordered(usual, told)
    return dict(zip(order, sorted(figures.ranks.values()), strict=True))


def _ordered(limbs: Sequence[Limb], told: Evidence) -> list[Limb]:
    """Limbs from back to front, the strongest evidence obeyed last."""
    order = list(limbs)
    for _ in range(3):
        for (first, second), nats in sorted(told.items(), key=lambda entry: abs(entry[1])):
            front, back = (first, second) if nats > 0 else (second, first)
            if front in order and back in order and order.index(front) < order.index(back):
                order.remove(front)
                order.insert(order.index(back) + 1, front)
    return order


def _colour_codes(picture: npt.NDArray[np.uint8], figures: FigureMap) -> npt.NDArray[np.int32]:
    height, width = figures.columns.shape
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray((small // (256 // _LEVELS)).astype(np.int32) @ np.array([_LEVELS**2, _LEVELS, 1]), np.int32)


def _depths(figures: FigureMap) -> dict[Limb, Plane]:
    """By limb, the distance to its nearest part."""
    found: dict[Limb, Plane] = {}
    for part, distance in zip(figures.parts, figures.distances, strict=True):
        found[part.limb] = np.minimum(found[part.limb], distance) if part.limb in found else distance
    return found


def _whole(depths: Mapping[Limb, Plane]) -> dict[Limb, Plane]:
    """By person, the distance to the nearest limb."""
    people = sorted({person for person, _ in depths})
    return {
        (person, WHOLE): np.min([depth for limb, depth in depths.items() if limb[0] == person], axis=0)
        for person in people
    }


def _colours(
    codes: Sequence[npt.NDArray[np.int32]], depths: Sequence[Mapping[Limb, Plane]]
) -> dict[Limb, npt.NDArray[np.float64]]:
    """By limb (or person), how likely each colour is where no other is near."""
    seen: dict[Limb, list[npt.NDArray[np.int32]]] = {}
    for code, depth in zip(codes, depths, strict=True):
        for limb, distance in depth.items():
            others = [other for name, other in depth.items() if name != limb]
            nearest = np.min(others, axis=0) if others else np.full_like(distance, FAR)
            seen.setdefault(limb, []).append(code[(distance < -0.01) & (nearest > 0.03)])
    found = {}
    for limb, several in seen.items():
        own = np.concatenate(several)
        if len(own) > _FEWEST_OWN:
            counts = np.bincount(own, minlength=_LEVELS**3).astype(float).reshape((_LEVELS,) * 3)
            smooth = gaussian_filter(counts, 0.6).ravel() + 0.016 * len(own) / _LEVELS**3
            found[limb] = smooth / smooth.sum()
    return found


def _crossings(
    code: npt.NDArray[np.int32], depth: Mapping[Limb, Plane], colours: Mapping[Limb, npt.NDArray[np.float64]]
) -> Evidence:
    found = {}
    for first, second in combinations(sorted(colours.keys() & depth.keys()), 2):
        if first[1] != WHOLE and (first[0] != second[0] or frozenset((first[1], second[1])) in _NEVER):
            continue
        both = (depth[first] < -0.02) & (depth[second] < -0.02)
        if both.sum() >= _FEWEST_SHARED:
            nats = np.log(colours[first][code[both]] / colours[second][code[both]])
            found[first, second] = float(np.clip(nats, -_MOST, _MOST).mean())
    return found
