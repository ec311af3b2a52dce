"""Whole poses: mixed where joints are missing, copied to another time, mirrored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...body import NECK, mirrored_order
from ...limbs import Points, mixed, tree
from .edits import Pose
from .skeleton import Places, Seen, place_of
from .tracks import Knots, knots


def anchors(points: Points, seen: Seen, other: Points, other_seen: Seen) -> tuple[Places, Places]:
    """What two bodies are laid on each other by, row by row: the pelvis, else what both have, else nothing (0)."""
    (here, known), (there, other_known) = place_of(points, seen, "pelvis"), place_of(other, other_seen, "pelvis")
    both = seen & other_seen
    count = np.maximum(both.sum(axis=1), 1)
    pelvis = known & other_known
    middle, other_middle = ((body * both).sum(axis=1) / count for body in (points, other))
    return np.where(pelvis, here, middle), np.where(pelvis, there, other_middle)


def blended(points: Points, seen: Seen, other: Points, other_seen: Seen, share: npt.NDArray[np.float64]) -> Points:
    """From one row of bodies to another, limbs turning the shorter way; the pelvis goes straight.

    A joint that one of both lacks is taken from the other's bone.

    Args:
        points, other: ``(frames, joints)`` of one person in frames that follow each other.
        seen, other_seen: of the same shape.
        share: 0..1 of ``other``, ``(frames,)``.
    """
    first = filled(points, seen, other, other_seen)
    second = filled(other, other_seen, points, seen)
    every = np.ones_like(seen)
    result = mixed(first[:, None], second[:, None], share)[:, 0]
    goal = place_of(first, every, "pelvis")[0] * (1 - share) + place_of(second, every, "pelvis")[0] * share
    result += (goal - place_of(result, every, "pelvis")[0])[:, None]
    # At the ends the very numbers, not what turning leaves of them.
    return np.where((share == 0)[:, None], first, np.where((share == 1)[:, None], second, result))


def filled(points: Points, seen: Seen, other: Points, other_seen: Seen) -> Points:
    """``points``, and where a joint is missing, the bone of ``other`` on what it hangs on."""
    here, there = anchors(points, seen, other, other_seen)
    result = np.where(seen, points, other + (here - there)[:, None])
    for parent, child in tree(points.shape[1]):
        usable = ~seen[:, child] & other_seen[:, parent] & other_seen[:, child]
        bone = other[:, child] - other[:, parent]
        result[:, child] = np.where(usable, result[:, parent] + bone, result[:, child])
    return result


def by_person(poses: Sequence[Pose]) -> dict[int, tuple[list[Pose], Knots]]:
    """Keys by person, from 0, by rising frame; of two at one frame the later counts."""
    found: dict[int, dict[int, Pose]] = defaultdict(dict)
    for pose in poses:
        found[pose.person - 1][pose.frame] = pose
    keys = {person: [of[frame] for frame in sorted(of)] for person, of in found.items()}
    return {person: (of, knots(of)) for person, of in keys.items()}


def mirrored(points: Points, seen: Seen) -> Points:
    """Left and right exchanged about the pelvis, the neck where no hip is seen, else the middle of what is seen."""
    pelvis, known = place_of(points, seen, "pelvis")
    middle = (points * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    about = np.where(known, pelvis, np.where(seen[:, NECK], points[:, NECK], middle)).real[:, None]
    exchanged = points[:, mirrored_order(points.shape[1])]
    return np.asarray(2 * about - exchanged.real + 1j * exchanged.imag)
