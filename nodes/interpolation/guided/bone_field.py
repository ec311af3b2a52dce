"""Where the places of a frame lie in a keyframe, by the bones of the figures in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...motion.figure import BODY_PARTS, TORSO, BodyPart, Size, joint_between, touch
from ...opencv import cv2
from .figure_map import FigureMap, Plane

_ALIKE = 0.10  # body scales: bones that disagree by more have no say in each other's places
_SHORT = 0.30  # body scales: a bone that is seen shorter than that turns with its parent
REACH = 0.20
"""Body scales: how far a figure goes beyond its capsules, where that was not seen."""

EDGE = 0.06
"""Body scales over which a figure ends beyond its capsules."""

_BEYOND = 0.10  # body scales: how far the edge of a keyframe stands for what lies outside of it
_BENT = 0.5  # how much more bent a part is of which little comes from a keyframe


@dataclass(frozen=True, eq=False)
class BoneField:
    """A keyframe in the pose of a frame, by the places of a map.

    Attributes:
        offsets: into the keyframe, in pixels ``(height, width, 2)``.
        shares: what of each place each part has that is known in both, ``(parts, height, width)``.
        seen: what it shows of the figures, 0..1 ``(height, width)``.
        preferred: how much of that is to come from it, where the other keyframe shows it too, 0..1.
    """

    offsets: Plane
    shares: Plane
    seen: Plane
    preferred: Plane


def bone_field(
    target: FigureMap,
    keyframe: FigureMap,
    shown: Plane,
    reach: Mapping[tuple[int, int], float],
    preferred: Mapping[tuple[int, int], float],
) -> BoneField:
    """Where the figures of a frame lie in a keyframe.

    Along a bone lengths are scaled, across it widths are kept (but those of the torso): as a limb turns towards the
    camera it gets shorter, not thinner.

    Args:
        target: the frame that is made.
        keyframe: that it is made of.
        shown: by part of the keyframe, what of each place shows it or what hangs on it (``shown_parts``).
        reach: how far figures go beyond their capsules, by part, in body scales.
        preferred: how much of each part is to come from this keyframe, 0..1 (``preferences``); all of those not named.
    """
    size = target.columns.shape
    places = {index: keyframe.place_of(part.key) for index, part in enumerate(target.parts)}
    known = {index: place for index, place in places.items() if place is not None}
    if not known:
        nothing = np.zeros((1, *size), np.float32)
        return BoneField(np.zeros((*size, 2), np.float32), nothing, nothing[0], np.ones(size, np.float32))
    parts = [target.parts[index] for index in known]
    others = [keyframe.parts[place] for place in known.values()]
    turns = _turns(parts, others)
    offsets = _offsets(parts, others, [turns[part.key] for part in parts], target)
    owned = target.shares[list(known)]
    covered = owned.sum(axis=0)
    shares = _agreeing(owned, offsets, parts)
    across, down = (shares * offsets[0]).sum(axis=0), (shares * offsets[1]).sum(axis=0)
    columns, rows = target.columns + across, target.rows + down
    inside = _inside(columns, rows, target.size) / max((part.scale for part in parts), default=1.0)
    columns, rows = ((at - (keyframe.step - 1) / 2) / keyframe.step for at in (columns, rows))
    reaches = _by_part(reach.get(part.key, REACH) for part in parts)
    within = np.clip((reaches - target.distances[list(known)]) / np.float32(EDGE) + np.float32(0.5), 0, 1)
    there = [
        cv2.remap(shown[place], columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for place in known.values()
    ]
    seen = np.minimum(shares * within, there).sum(axis=0)  # so that two halves of a joint are one whole
    beyond = np.clip(1 + inside / _BEYOND, 0, 1)
    wanted = (_by_part(preferred.get(part.key, 1.0) for part in parts) * shares).sum(axis=0)  # no BLAS: it has threads
    return BoneField(np.dstack((across, down)), owned, seen * np.clip(covered * 2, 0, 1) * beyond, wanted)


def _by_part(values: Iterable[float]) -> Plane:
    """To be multiplied with planes of parts."""
    return np.array([*values], np.float32)[:, None, None]


def _inside(columns: Plane, rows: Plane, size: Size) -> Plane:
    """Pixels from the edge of a frame, below 0 outside."""
    width, height = size
    return np.minimum(np.minimum(columns, width - 1 - columns), np.minimum(rows, height - 1 - rows))


def shown_parts(figures: FigureMap, margin: float = 1.7) -> Plane:
    """What of each place of a keyframe shows each part, or a part that hangs on it near their joint.

    Without the latter a bent elbow would tear; away from the joint the other part is in front of this one.

    Args:
        margin: how far from the joint, in radii there.
    """
    shown = figures.shares.copy()
    for index, part in enumerate(figures.parts):
        for other_index, other in enumerate(figures.parts):
            if other.person == part.person and touch(part.kind, other.kind):
                place, radius = joint_between(part, other)
                within = margin * radius
                distance = np.hypot(figures.columns - place[0], figures.rows - place[1])
                shown[index] += figures.shares[other_index] * np.clip((within - distance) / (0.3 * within) + 1, 0, 1)
    return np.minimum(shown, 1)


def preferences(target: FigureMap, keyframe: FigureMap, other: FigureMap) -> dict[tuple[int, int], float]:
    """How much of each part is to come from a keyframe, 0..1: less, where it must be bent more than from the other.

    Two pictures of a limb, both bent far, are two sets of torn pieces; one alone is one limb.
    """
    found = {}
    for part in target.parts:
        places = keyframe.place_of(part.key), other.place_of(part.key)
        if places[0] is not None and places[1] is not None:
            more = _bend(part, keyframe.parts[places[0]]) - _bend(part, other.parts[places[1]])
            found[part.key] = float(np.exp(-max(more, 0) / _BENT))
    return found


def _bend(part: BodyPart, other: BodyPart) -> float:
    """How much the picture of a part has to change: its turn in radians, and twice what it grows in body scales."""
    lengths = abs(part.bone) / part.scale, abs(other.bone) / other.scale
    turn = abs(float(np.angle(other.bone * part.bone.conjugate())))
    return turn * min(*lengths, _SHORT) / _SHORT + 2 * abs(lengths[0] - lengths[1])


def _turns(parts: Sequence[BodyPart], others: Sequence[BodyPart]) -> dict[tuple[int, int], complex]:
    """By part, the unit number that turns it from the frame into the keyframe."""
    turns: dict[tuple[int, int], complex] = {}
    pairs = sorted(zip(parts, others, strict=True), key=lambda pair: _generation(pair[0].kind))
    for part, other in pairs:
        parent = turns.get((part.person, BODY_PARTS[part.kind].parent), 1 + 0j)
        turns[part.key] = _turn(part, other, parent)
    return turns


def _generation(kind: int) -> int:
    """How many parts a part hangs on."""
    parent = BODY_PARTS[kind].parent
    return 0 if parent < 0 else 1 + _generation(parent)


def _turn(part: BodyPart, other: BodyPart, parent: complex) -> complex:
    own = other.bone * part.bone.conjugate()
    if abs(own) < 1e-6:
        return parent
    own /= abs(own)
    length = min(abs(part.bone), abs(other.bone)) / part.scale
    share = min(length / _SHORT, 1.0)
    share = share * share * (3 - 2 * share)
    turn = share * own + (1 - share) * parent
    return turn / abs(turn) if abs(turn) > 1e-3 else own


def _offsets(
    parts: Sequence[BodyPart], others: Sequence[BodyPart], turns: Sequence[complex], target: FigureMap
) -> Plane:
    """Of every place ``(2, parts, height, width)``, as if it hung on each part: bone on bone, middle on middle."""
    bones, other_bones = (np.array([one.bone for one in side]) for side in (parts, others))
    lengths, other_lengths = np.abs(bones), np.abs(other_bones)
    ahead = np.where(lengths > 1e-3, bones / np.maximum(lengths, 1e-3), 1j)
    middles, other_middles = (
        np.array([(one.start + one.end) / 2 for one in side], np.float32).T[..., None, None] for side in (parts, others)
    )
    across, down = target.columns - middles[0], target.rows - middles[1]
    ex, ey = _by_part(ahead.real), _by_part(ahead.imag)
    along, aside = across * ex + down * ey, down * ex - across * ey
    half = _by_part(lengths / 2)
    inside = np.clip(along, -half, half)
    along += inside * _by_part(other_lengths / np.maximum(lengths, 1e-3) - 1)
    for index, (part, other) in enumerate(zip(parts, others, strict=True)):
        if part.kind == TORSO:
            share = inside[index] / np.float32(max(lengths[index], 1e-3)) + np.float32(0.5)
            widths = [
                np.float32(one.radii[0]) + share * np.float32(one.radii[1] - one.radii[0]) for one in (other, part)
            ]
            aside[index] *= widths[0] / widths[1]
    other_ahead = ahead * turns
    fx, fy = _by_part(other_ahead.real), _by_part(other_ahead.imag)
    found = (other_middles[0] + along * fx - aside * fy, other_middles[1] + along * fy + aside * fx)
    return np.stack((found[0] - target.columns, found[1] - target.rows))


def _agreeing(shares: Plane, offsets: Plane, parts: Sequence[BodyPart]) -> Plane:
    """The shares of those parts only that mean nearly the same as the one with the largest share.

    The mean of two places that lie apart is a third place, which belongs to neither.
    """
    winner = shares.argmax(axis=0)[None]
    aside, below = (plane - np.take_along_axis(plane, winner, axis=0) for plane in offsets)
    scales = np.array([part.scale for part in parts], np.float32)[:, None, None]
    apart = (aside * aside + below * below) / scales**2
    agreed = shares * np.exp(-apart / np.float32(_ALIKE**2))
    return np.asarray(agreed / np.maximum(agreed.sum(axis=0), 1e-6), np.float32)
