"""A motion, done by another body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, grey_closing
from scipy.special import softmax

from ...errors import InputError
from ..body import ANKLES, BONES, HIPS, NECK, in_heights
from ..motion import BODY_JOINTS, HAND_JOINTS, Keypoints, Motion
from ..proportions import LEG, SEGMENTS, TALLNESS, Lengths, bone_lengths

Positions: TypeAlias = npt.NDArray[np.float64]
"""x and y in frame heights: ``(frames, joints, 2)``."""

SCALES = ("keep", "reference", "fit")
"""As tall as the mover; as tall as the reference in its picture; the same, but small enough to stay in the frame."""

_KNEES = (BODY_JOINTS.index("right_knee"), BODY_JOINTS.index("left_knee"))
_SHOULDERS = (BODY_JOINTS.index("right_shoulder"), BODY_JOINTS.index("left_shoulder"))
_WRISTS = (BODY_JOINTS.index("left_wrist"), BODY_JOINTS.index("right_wrist"))  # in the order of the hands

_MOST = 3  # how much more or less than the body as a whole a bone may change
_AIRBORNE = 1.5  # seconds; whoever is up for longer stands on something
_LIFTED = 0.01  # body heights above the other foot, and
_FAST = 0.25  # body heights per second, that make a foot 1/e times as likely to carry the body
_SHIFT = 0.06  # seconds (standard deviation) in which weight goes from foot to foot
_MARGIN = 0.02  # frame heights that "fit" lets a joint stick out


@dataclass(frozen=True)
class RetargetSettings:
    """How a motion is fitted to another body.

    Args:
        scale: one of ``SCALES``.
        reference_person: 1 is the reference's first person, for everyone; 0 gives each mover the reference's person in
            the same place, and leaves those alone for whom there is none.
        strength: 0..1 of the change in proportions and size.

    Raises:
        InputError: a value outside its range.
    """

    scale: str = "keep"
    reference_person: int = 0
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise InputError("scale", repr(self.scale), ", ".join(SCALES))
        if self.reference_person < 0:
            raise InputError("reference_person", str(self.reference_person), "1 or more, or 0 for the same place")
        if not 0 <= self.strength <= 1:
            raise InputError("strength", str(self.strength), "0 to 1")


def retarget(motion: Motion, reference: Motion, settings: RetargetSettings = RetargetSettings()) -> Motion:
    """Give the people of a motion the bones of others.

    Every bone keeps its direction and foreshortening in every frame, while its length changes by one factor: the
    reference's length over the mover's (see ``proportions.bone_lengths``). Steps and jumps are scaled by the length of
    the legs, sideways about the middle of the mover's path and upwards from the ground, which stays where it is in the
    picture; the foot that carries the body slides no more than it did. Without ankles the knees, then the hips, then
    the neck take their part. Missing joints stay missing; a person too little of whom is seen to be measured stays.

    Args:
        motion: the movers, at their own frame size.
        reference: the bodies: one frame or many, at any frame size and rate.

    Raises:
        InputError: there is no such person in ``reference``, or no body that could be measured.
    """
    if settings.strength == 0 or motion.frame_count == 0:
        return motion
    bodies = _reference_bodies(reference, settings.reference_person, motion.people)
    keypoints = np.array(motion.keypoints)
    for person, body in zip(keypoints.swapaxes(0, 1), bodies, strict=False):
        _retarget_person(person, body, motion, settings)
    return motion.with_keypoints(keypoints)


def _reference_bodies(reference: Motion, chosen: int, movers: int) -> Sequence[Lengths | None]:
    if chosen > reference.people:
        allowed = f"0 to {reference.people}, the number of people in the reference"
        raise InputError("reference_person", str(chosen), allowed)
    aspect = reference.width / reference.height
    people = reference.keypoints[:, chosen - 1 : chosen] if chosen else reference.keypoints
    bodies = [bone_lengths(person, aspect) for person in people.swapaxes(0, 1)]
    if not any(body is not None for body in bodies):
        remedy = "Take a picture that shows the whole person, or lower joint_confidence in Extract Pose."
        raise InputError(
            "reference", "nobody with two joints of a limb", "a person whose limbs can be measured", remedy
        )
    return bodies * movers if chosen else bodies


def _retarget_person(person: Keypoints, body: Lengths | None, motion: Motion, settings: RetargetSettings) -> None:
    """Change one person ``(frames, joints, 3)`` in place."""
    aspect = motion.width / motion.height
    own = bone_lengths(person, aspect)
    if body is None or own is None:
        return
    factors, stride = _factors(own, body, settings)
    found = person[..., 2] > 0
    source = _filled(in_heights(person, aspect), found)
    feet = _supports(found)
    offsets = _offsets(source, factors)
    ground = _ground(source[:, feet], np.asarray(found.any(axis=1)), float(motion.frame_rate))
    weights = _carrying(source[:, feet], _height(own), float(motion.frame_rate))
    neck = _neck(source[:, feet], offsets[:, feet], weights, ground, stride)
    result = neck[:, None] + offsets
    if settings.scale == "fit":
        result = _inside(result, source, found, ground, aspect)
    person[..., :2] = np.where(found[..., None], result / (aspect, 1.0), 0)


def _height(lengths: Lengths) -> float:
    return float(lengths[list(TALLNESS)].sum())


def _factors(own: Lengths, body: Lengths, settings: RetargetSettings) -> tuple[Lengths, float]:
    """Factor per segment, and that of the legs as a whole."""
    taller = _height(body) / _height(own)
    factors = np.clip(body / own / taller, 1 / _MOST, _MOST)
    size = 1.0 if settings.scale == "keep" else taller
    if settings.scale == "keep":  # what was clipped would be missing from the height
        factors = factors * (_height(own) / _height(own * factors))
    factors = (factors * size) ** settings.strength
    legs = list(LEG)
    return factors, float((own * factors)[legs].sum() / own[legs].sum())


def _filled(positions: Positions, found: npt.NDArray[np.bool_]) -> Positions:
    """Guess the body's missing joints, so that whatever hangs on them has something to hang on."""
    filled = positions.copy()
    known = found[:, NECK].copy()
    middle = ~known & found[:, _SHOULDERS].all(axis=1)
    filled[middle, NECK] = positions[middle][:, _SHOULDERS].mean(axis=1)
    known |= middle
    if not known.any():
        known = np.asarray(found.any(axis=1))
        shown = found[known][..., None]
        filled[known, NECK] = (positions[known] * shown).sum(axis=1) / shown.sum(axis=1)
    filled[:, NECK] = _interpolated(filled[:, NECK], known)
    for parent, child in BONES:
        gap = ~found[:, child]
        if gap.any():
            bone = _interpolated(positions[:, child] - positions[:, parent], found[:, child] & found[:, parent])
            filled[gap, child] = filled[gap, parent] + bone[gap]
    return filled


def _interpolated(values: Positions, known: npt.NDArray[np.bool_]) -> Positions:
    """``(frames, 2)`` with straight lines over what is not known; 0 if nothing is."""
    if not known.any():
        return np.zeros_like(values)
    frames, at = np.arange(len(values)), np.flatnonzero(known)
    return np.stack([np.interp(frames, at, axis[known]) for axis in values.T], axis=-1)


def _supports(found: npt.NDArray[np.bool_]) -> list[int]:
    """The lowest pair of joints that is seen in at least half of the person's frames."""
    enough = found.any(axis=1).sum() / 2
    pairs = (pair for pair in (ANKLES, _KNEES, HIPS) if found[:, pair].any(axis=1).sum() >= enough)
    return list(next(pairs, (NECK, NECK)))


def _offsets(source: Positions, factors: Lengths) -> Positions:
    """Where the new body's joints lie, seen from its neck."""
    by_name = dict(zip(SEGMENTS, factors, strict=True))
    by_bone = {bone: by_name[name] for name, bones in SEGMENTS.items() for bone in bones}
    offsets = np.zeros_like(source)
    for parent, child in BONES:
        factor = by_bone.get((parent, child), by_name["neck"])
        offsets[:, child] = offsets[:, parent] + factor * (source[:, child] - source[:, parent])
    for wrist, first in zip(_WRISTS, range(len(BODY_JOINTS), source.shape[1], HAND_JOINTS), strict=False):
        hand = slice(first, first + HAND_JOINTS)
        offsets[:, hand] = offsets[:, wrist, None] + by_name["forearm"] * (source[:, hand] - source[:, wrist, None])
    return offsets


def _ground(feet: Positions, present: npt.NDArray[np.bool_], frame_rate: float) -> Positions:
    """A point on the ground per frame, ``(frames, 2)``: the middle of the path, under the lowest foot but for jumps."""
    middle = float(np.median(feet[present, :, 0]))
    window = 2 * round(_AIRBORNE * frame_rate / 2) + 1
    level = grey_closing(feet[..., 1].max(axis=1), (window,), mode="nearest")
    return np.stack((np.full(len(level), middle), level), axis=-1)


def _carrying(feet: Positions, height: float, frame_rate: float) -> npt.NDArray[np.float64]:
    """How much of the body each foot carries, ``(frames, 2)``: one that is low and still, most of it."""
    lifted = (feet[..., 1].max(axis=1, keepdims=True) - feet[..., 1]) / height
    speed = np.zeros_like(lifted)
    if len(feet) > 1:
        speed = np.linalg.norm(np.gradient(feet, axis=0), axis=-1) * frame_rate / height
    weights = softmax(-(lifted / _LIFTED + speed / _FAST), axis=1)
    return np.asarray(gaussian_filter1d(weights, _SHIFT * frame_rate, axis=0, mode="nearest"))


def _neck(
    feet: Positions, offsets: Positions, weights: npt.NDArray[np.float64], ground: Positions, stride: float
) -> Positions:
    """The new body's neck, ``(frames, 2)``, from where its feet have to be."""
    wanted = ground[:, None] + stride * (feet - ground[:, None])
    across = (weights * (wanted - offsets)[..., 0]).sum(axis=1)
    down = wanted[..., 1].max(axis=1) - offsets[..., 1].max(axis=1)
    return np.stack((across, down), axis=-1)


def _inside(
    result: Positions, source: Positions, found: npt.NDArray[np.bool_], ground: Positions, aspect: float
) -> Positions:
    """Shrink towards the ground until no joint leaves the frame that was inside."""
    size = np.array((aspect, 1.0))
    inside = found & _within(source, size) & _within(ground, size)[:, None]
    apart = (result - ground[:, None])[inside]
    edge = np.where(apart > 0, size + _MARGIN, -_MARGIN)
    room = edge - np.broadcast_to(ground[:, None], result.shape)[inside]
    scales = room / np.where(apart == 0, np.inf, apart)
    return ground[:, None] + float(np.min(scales[apart != 0], initial=1.0)) * (result - ground[:, None])


def _within(positions: Positions, size: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray(((positions >= 0) & (positions <= size)).all(axis=-1))
