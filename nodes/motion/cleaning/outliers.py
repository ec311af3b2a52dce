"""Joints that are not where a body could have them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter, uniform_filter1d

from ..body import BONES, in_heights
from ..motion import BODY_JOINTS, Motion

Mask: TypeAlias = npt.NDArray[np.bool_]
Lengths: TypeAlias = npt.NDArray[np.float64]

_WINDOW = Fraction(7, 25)  # seconds of a joint's path whose median says where it should be
_SHORTEST_WINDOW = 5  # frames
_SPREAD_WINDOW = Fraction(1)  # seconds over which the usual distance from that median is measured
_FAR = 4.0  # times the usual distance
_NOISE = 0.07  # body sizes; a distance below is no outlier, however calm the joint
_USUAL_GREATEST = 0.75  # quantile of a bone's length; the greatest may be wrong
_STRETCH = 1.5  # times the usual greatest length of a bone
_SMALLEST_BODY = 0.02  # frame heights
# Bones in body heights, in the order of BONES (Drillis and Contini, 1966; the face by its breadth).
_SHARES = np.array(
    (0.129, 0.186, 0.146, 0.129, 0.186, 0.146, 0.3, 0.245, 0.246, 0.3, 0.245, 0.246, 0.12, 0.04, 0.08, 0.04, 0.08)
)


@dataclass(frozen=True)
class Strays:
    """How far joints are from where a body could have them, each ``(frames, people, joints)``.

    Attributes:
        leaps: distance in body sizes of a joint that leaps from where its path should be; else 0.
        stretches: how many times as long as it should be at most a bone is of which the joint is to blame; else 0.
    """

    leaps: Lengths
    stretches: Lengths

    @property
    def joints(self) -> Mask:
        """Which joints stray at all."""
        return np.asarray((self.leaps > 0) | (self.stretches > 0))


def find_outliers(motion: Motion) -> Mask:
    """Mark joints that leap, or that stretch a bone: see ``find_strays``.

    Returns:
        ``(frames, people, joints)``.
    """
    return find_strays(motion).joints


def find_strays(motion: Motion) -> Strays:
    """Find joints that leap, or that stretch a bone.

    A leap is a distance from the running median of the joint's path that is more than ``_FAR`` times what is usual
    for that joint at that time (Hampel's identifier: J. Am. Stat. Assoc. 69, 1974; the usual distance is a winsorised
    mean, so that outliers cannot raise it) and more than noise relative to the body. A bone is stretched when it is
    longer than ``_STRETCH`` times what is usual for the person and for any body of this size; of its ends the one that
    leaps further is to blame, else the outer one. Short bones say nothing: they may point at the camera.
    """
    found = motion.keypoints[..., 2] > 0
    if not found.any():
        return Strays(np.zeros(found.shape), np.zeros(found.shape))
    positions = in_heights(motion.keypoints, motion.width / motion.height)
    sizes = _local_sizes(motion)
    leaps = _distances_from_path(positions, found, _odd(_WINDOW * motion.frame_rate))
    noise = _NOISE * sizes[..., None]
    spread = uniform_filter1d(
        np.minimum(leaps, noise), _odd(_SPREAD_WINDOW * motion.frame_rate), axis=0, mode="nearest"
    )
    leaping = found & (leaps > np.maximum(_FAR * spread, noise))
    stretches = _stretches(positions, found, np.where(leaps > noise, leaps, 0), sizes)
    return Strays(np.where(leaping, leaps / sizes[..., None], 0), stretches)


def body_sizes(motion: Motion) -> Lengths:
    """Each person's size ``(people,)`` in frame heights: the median diagonal of the box around the body's joints."""
    diagonals = [person[person > 0] for person in _diagonals(motion).T]
    medians = [float(np.median(person)) if person.size else 0.0 for person in diagonals]
    return np.maximum(np.array(medians, np.float64), _SMALLEST_BODY)


def _local_sizes(motion: Motion) -> Lengths:
    """Sizes ``(frames, people)``: larger than ``body_sizes`` while someone is nearer to the camera than usual."""
    window = _odd(_SPREAD_WINDOW * motion.frame_rate)
    return np.maximum(median_filter(_diagonals(motion), (window, 1), mode="nearest"), body_sizes(motion))


def _diagonals(motion: Motion) -> Lengths:
    """Diagonals ``(frames, people)`` of the boxes around the body's joints; 0 with less than two joints."""
    body = motion.keypoints[:, :, : len(BODY_JOINTS)]
    positions = in_heights(body, motion.width / motion.height)
    found = body[..., 2:] > 0
    low = np.where(found, positions, np.inf).min(axis=2)
    high = np.where(found, positions, -np.inf).max(axis=2)
    seen = found.sum(axis=2) > 1
    return np.asarray(np.linalg.norm(np.subtract(high, low, out=np.zeros_like(low), where=seen), axis=-1))


def _odd(frames: Fraction) -> int:
    return max(_SHORTEST_WINDOW, 2 * int(frames / 2) + 1)


def _distances_from_path(positions: Lengths, found: Mask, window: int) -> Lengths:
    """Distance of each found joint from the running median of its path; 0 where missing.

    The median is over the frames in which the joint was found; it does not reach over longer gaps than its window.
    """
    distances = np.zeros(found.shape)
    for person, joint in np.argwhere(found.any(axis=0)):
        there = np.flatnonzero(found[:, person, joint])
        for run in np.split(there, np.flatnonzero(np.diff(there) > window) + 1):
            path = positions[run, person, joint]
            apart = path - np.stack([median_filter(axis, window, mode="nearest") for axis in path.T], axis=-1)
            distances[run, person, joint] = np.hypot(*apart.T)
    return distances


def _stretches(positions: Lengths, found: Mask, leaps: Lengths, sizes: Lengths) -> Lengths:
    """How many times too long the bones are whose ends are to blame, ``(frames, people, joints)``; else 0."""
    guilt = np.zeros(found.shape)
    parents, children = np.array(BONES).T
    lengths = np.linalg.norm(positions[:, :, children] - positions[:, :, parents], axis=-1)
    known = found[:, :, children] & found[:, :, parents]
    for person, bone in np.argwhere(known.any(axis=0)):
        there, length = known[:, person, bone], lengths[:, person, bone] / sizes[:, person]
        greatest = max(np.quantile(length[there], _USUAL_GREATEST), _SHARES[bone])
        long = there & (length > _STRETCH * greatest)
        outer = leaps[:, person, children[bone]] >= leaps[:, person, parents[bone]]
        for blamed, joint in ((long & outer, children[bone]), (long & ~outer, parents[bone])):
            guilt[blamed, person, joint] = np.maximum(guilt[blamed, person, joint], length[blamed] / greatest)
    return guilt
