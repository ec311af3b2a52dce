"""Where a motion wants a hand: what a report measures, told by person, joint and frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ..body import ANKLES, BONES, in_heights, mirrored_order
from ..cleaning.outliers import Lengths, Mask, body_sizes, find_strays
from ..cleaning.repair import gap_lengths, joint_name
from ..cleaning.swaps import LIMBS, Indices, Swaps, find_swaps
from ..editing.feet import contacts
from ..limbs import to_points
from ..motion import BODY_JOINTS, HAND_JOINTS, Motion
from .quality import bone_lengths, third_differences

MOST = 500
"""Troubles that are told, the worst first."""

BODY = "body"
"""In place of a joint: most of the person."""

_HAND = len(BODY_JOINTS)
# Joints that mostly fail together, and are mended together.
_GROUPS = (
    (1,), (0, 14, 15, 16, 17), (2, 3, 4), (5, 6, 7), (8, 9, 10), (11, 12, 13),
    tuple(range(_HAND, _HAND + HAND_JOINTS)), tuple(range(_HAND + HAND_JOINTS, _HAND + 2 * HAND_JOINTS)),
)  # fmt: skip
_MOST_OF_IT = 0.5  # share of the body's joints that make it the person's trouble, and no joint's
_SWAPPED = {"body": BODY, "arm": "left_wrist", "leg": "left_ankle", "face": "left_eye", "hand": "left_hand_0"}
_BRIDGE = 0.1  # seconds without trouble that part no span
_HALF_BAD = 0.2  # body sizes that are half as bad as can be
_HALF_BAD_GAP = 0.5  # seconds, as long as Smooth Motion fills
_CHANGE = 0.5  # of its usual length, by which a bone changes in 1/25 s or a frame, whichever is longer
_NOISE = 0.07  # body sizes; a bone that changes by less may be as it was
_STEP = 0.12  # body sizes that most of a body leaps at once, in 1/25 s or a frame
_USUAL_RATE = 25.0
_UNSURE = 0.5  # of the confidence that a person's joints have mostly, or of all that can be had
_SLIDE = 0.07  # body sizes that a foot which stands may move
_SMOOTHED = 0.04  # seconds, as where contacts are found
_MINOR = 0.4  # as bad as for others is trouble with eyes, ears and fingers: they are small, and often hidden


@dataclass(frozen=True)
class Trouble:
    """Frames in which something is wrong.

    Attributes:
        kind: ``jump`` (a joint leaps), ``bone`` (one is too long, or changes its length at once), ``swap`` (left and
            right exchanged), ``unsure`` (low confidence), ``gap`` (missing between two sights), ``slide`` (a standing
            foot moves).
        person: from 1 on.
        joint: its name, or that of the one most at fault where several of a limb are; ``body`` for most of them.
        first, last: frames, both among them.
        badness: 0..1.
    """

    kind: str
    person: int
    joint: str
    first: int
    last: int
    badness: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "kind": self.kind,
            "person": self.person,
            "joint": self.joint,
            "from": self.first,
            "to": self.last,
            "badness": round(self.badness, 3),
        }


def find_troubles(motion: Motion, most: int = MOST) -> list[Trouble]:
    """What the measures of ``quality.measure`` find, each where it is; the worst first, at most ``most``.

    Sides that are exchanged are told once, and not again as joints that leap; a joint that leaps is not told again for
    the bones that it stretches.
    """
    if not (motion.keypoints[..., 2] > 0).any():
        return []
    swaps = find_swaps(motion)
    sizes = body_sizes(motion)
    jumps, bones = _strays(swaps)
    troubles = [
        *_told("jump", jumps, motion),
        *_told("bone", bones, motion),
        *_told("gap", _gaps(motion), motion),
        *_told("unsure", _unsure(motion), motion),
        *_swapped(motion, swaps, sizes),
        *_slides(motion, sizes),
    ]
    troubles.sort(key=lambda trouble: (-trouble.badness, trouble.first, trouble.person))
    return troubles[:most]


def _saturating(amounts: Lengths, half: float) -> Lengths:
    """0 for nothing, 1/2 for ``half``, and towards 1."""
    return np.asarray(amounts / (amounts + half))


def _weights(joints: int) -> Lengths:
    """How much trouble with each joint matters."""
    weights = np.ones(joints)
    weights[BODY_JOINTS.index("right_eye") :] = _MINOR
    return weights


def _strays(swaps: Swaps) -> tuple[Lengths, Lengths]:
    """How badly joints jump and bones change, ``(frames, people, joints)`` as the detector named them."""
    motion = swaps.motion
    strays = find_strays(motion)
    jumps = _saturating(np.maximum(strays.leaps, _steps(motion)), _HALF_BAD)
    bones = np.where(strays.stretches > 0, 1 - 1 / np.maximum(strays.stretches, 1), 0)
    measured = bone_lengths(motion)
    slower = max(1.0, _USUAL_RATE / float(motion.frame_rate))
    changes = measured.changes()
    sudden = (changes > _CHANGE * slower) & (changes * measured.usual > _NOISE * body_sizes(motion)[:, None] * slower)
    near = jumps > 0
    near[1:] |= jumps[:-1] > 0
    for bone, (parent, child) in enumerate(BONES):
        change = np.where(sudden[..., bone], _saturating(changes[..., bone], 1.0), 0)
        change[near[1:, :, child] | near[1:, :, parent]] = 0
        bones[1:, :, child] = np.maximum(bones[1:, :, child], change)
    bones[jumps > 0] = 0
    weights = _weights(jumps.shape[2])
    return _as_named(jumps * weights, swaps.origins), _as_named(bones * weights, swaps.origins)


def _steps(motion: Motion) -> Lengths:
    """How far a whole body leaps and stays, as where two people are exchanged, ``(frames, people, joints)``.

    No joint strays then from its path, which goes on elsewhere; but the third differences, of which jitter is the mean,
    are those of a step: twice its height in the middle.
    """
    found = motion.keypoints[..., 2] > 0
    steps = np.zeros(found.shape)
    positions = in_heights(motion.keypoints, motion.width / motion.height) / body_sizes(motion)[:, None, None]
    heights = np.nan_to_num(np.linalg.norm(third_differences(positions, found), axis=-1)) / 2
    body = heights[..., :_HAND] > _STEP * max(1.0, _USUAL_RATE / float(motion.frame_rate))
    leaping = heights * (body.sum(axis=2) >= _MOST_OF_IT * _HAND)[..., None]
    if len(leaping):
        steps[1:-2], steps[2:-1] = leaping, np.maximum(steps[2:-1], leaping)
    return steps


def _as_named(values: Lengths, origins: Indices) -> Lengths:
    named = np.empty_like(values)
    np.put_along_axis(named, origins, values, axis=2)
    return named


def _gaps(motion: Motion) -> Lengths:
    lengths = gap_lengths(motion.keypoints[..., 2] > 0) / float(motion.frame_rate)
    return np.asarray(_saturating(lengths, _HALF_BAD_GAP) * _weights(lengths.shape[2]))


def _unsure(motion: Motion) -> Lengths:
    """By confidence relative to what the same detector has otherwise; the body's and the hands' are others."""
    confidence = motion.keypoints[..., 2].astype(np.float64)
    badness = np.zeros(confidence.shape)
    for joints in (slice(0, _HAND), slice(_HAND, None)):
        part = confidence[..., joints]
        if not part.any():
            continue
        usual = np.array([np.median(person[person > 0]) if person.any() else 1 for person in np.moveaxis(part, 1, 0)])
        doubt = 1 - part / (_UNSURE * np.minimum(usual, 1))[:, None]
        badness[..., joints] = np.where((part > 0) & (doubt > 0), doubt, 0) / 2
    return np.asarray(badness * _weights(confidence.shape[2]))


def _told(kind: str, badness: Lengths, motion: Motion) -> Iterator[Trouble]:
    """Spans of trouble with joints, by limbs.

    Args:
        badness: ``(frames, people, joints)``, 0 where all is well.
    """
    everyone = (badness[:, :, :_HAND] > 0).mean(axis=2) >= _MOST_OF_IT
    rest = np.where(everyone[..., None], 0, badness)
    groups = [group for group in _GROUPS if group[0] < badness.shape[2]]
    columns = [badness.max(axis=2) * everyone, *(rest[:, :, list(group)].max(axis=2) for group in groups)]
    bridge = round(_BRIDGE * float(motion.frame_rate))
    # Where it begins and ends, some joints are in trouble a moment longer than most.
    around = maximum_filter1d(everyone, 2 * bridge + 1, axis=0, mode="constant") if len(everyone) else everyone
    for number, column in enumerate(columns):
        for person, first, last in _runs(column > 0, bridge):
            joint = BODY
            if number:
                if around[first : last + 1, person].all():
                    continue
                group = groups[number - 1]
                joint = joint_name(group[int(rest[first : last + 1, person, list(group)].sum(axis=0).argmax())])
            yield Trouble(kind, person + 1, joint, first, last, float(column[first : last + 1, person].max()))


def _runs(mask: Mask, bridge: int = 0) -> Iterator[tuple[int, int, int]]:
    """Person, first and last frame of each run in ``(frames, people)``; ``bridge`` frames or fewer part none."""
    for person in np.flatnonzero(mask.any(axis=0)):
        there = np.flatnonzero(mask[:, person])
        parts = np.flatnonzero(np.diff(there) > bridge + 1)
        for first, last in zip(there[np.r_[0, parts + 1]], there[np.r_[parts, -1]], strict=True):
            yield int(person), int(first), int(last)


def _swapped(motion: Motion, swaps: Swaps, sizes: Lengths) -> Iterator[Trouble]:
    """Sides that are exchanged: the further they are apart, the worse."""
    keypoints = motion.keypoints
    other = mirrored_order(keypoints.shape[2])
    for limb, mask in swaps.exchanged.items():
        side = [joint for joint in LIMBS[limb] if joint < len(other)]
        for person, first, last in _runs(mask):
            part = keypoints[first : last + 1, person]
            ends = (in_heights(part[:, joints], motion.width / motion.height) for joints in (side, other[side]))
            both = (part[:, side, 2] > 0) & (part[:, other[side], 2] > 0)
            apart = np.linalg.norm(np.subtract(*ends), axis=-1)[both] / sizes[person]
            badness = float(_saturating(apart.mean(), _HALF_BAD)) if apart.size else 0.0
            yield Trouble("swap", person + 1, _SWAPPED[limb], first, last, badness)


def _slides(motion: Motion, sizes: Lengths) -> Iterator[Trouble]:
    """Feet that move while they stand: by how far in all, as steps of one frame are mostly noise."""
    stands = contacts(motion)
    ankles = to_points(motion)[..., ANKLES]  # as contacts are found: a gap is no way to go
    ankles = gaussian_filter1d(ankles, _SMOOTHED * float(motion.frame_rate), axis=0, mode="nearest")
    for foot, ankle in enumerate(ANKLES):
        for person, first, last in _runs(stands[..., foot]):
            steps = ankles[first : last + 1, person, foot]
            way = np.hypot(np.ptp(steps.real), np.ptp(steps.imag)) / sizes[person]
            if way > _SLIDE:
                badness = float(_saturating(way, _HALF_BAD))
                yield Trouble("slide", person + 1, joint_name(ankle), first, last, badness)
