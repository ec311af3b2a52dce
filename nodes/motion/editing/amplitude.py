"""How far things move: every limb around its own rest, the body around its own path."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..limbs import LIMBS, Angles, Points, body_heights, limb_angles, limb_vectors, pelvis, turned
from .bands import Signals, follow_through, split

_FURTHEST = 0.6  # radians that an exaggeration can add: joints have ends
_HINGES = [limb for limb, (_, base) in enumerate(LIMBS) if base is not None and LIMBS[base][0] == LIMBS[limb][0]]
_BOB = 0.02  # of the body size, per 1 of bounce above 1


@dataclass(frozen=True)
class Amplitude:
    """Factors of movement; 1 leaves it as it is and 0 takes it out.

    Attributes:
        parts: per part of the body (see ``body.PARTS``); one that is not named stays as it is.
        sway: the whole body sideways.
        bounce: the whole body up and down; above 1 it also dips at every key pose.
        low, mid, high: slow, middling and quick movement of everything (see ``bands``).
        overshoot: 0..1, how far things swing past where they stop.
    """

    parts: dict[str, float] = field(default_factory=dict)
    sway: float = 1.0
    bounce: float = 1.0
    low: float = 1.0
    mid: float = 1.0
    high: float = 1.0
    overshoot: float = 0.0


def amplified(points: Points, amplitude: Amplitude, frame_rate: Fraction, keys: npt.NDArray[np.intp]) -> Points:
    """Give movement another size. Limbs turn in their joints, so their lengths in every frame stay.

    Args:
        points: of every joint, without gaps.
        amplitude: what to do.
        frame_rate: frames per second.
        keys: frames of the key poses at which a bouncy body is lowest.
    """
    if not points.size:
        return points
    body = turned(points, _turns(points, amplitude, frame_rate))
    return np.asarray(body + _shift(points, amplitude, frame_rate, keys)[..., None])


def _turns(points: Points, amplitude: Amplitude, frame_rate: Fraction) -> Angles:
    """What to add to each limb's angle."""
    angles = limb_angles(points)
    gains = np.array([amplitude.parts.get(part, 1.0) for part, _ in LIMBS])
    rest, edited = _edited(angles, gains, amplitude, frame_rate)
    added = edited - angles
    further = added * (angles - rest) > 0
    added = np.where(further, _within_joint(angles, added), added)
    # The angle of a limb that points at the camera says little and jumps.
    length = np.abs(limb_vectors(points))
    return np.asarray(added * np.clip(length / np.maximum(np.median(length, axis=0), 1e-9), 0, 1))


def _within_joint(angles: Angles, added: Angles) -> Angles:
    """What a joint can do of an exaggeration: it has ends, and hinges do not bend backwards."""
    limited = _FURTHEST * np.tanh(added / _FURTHEST)
    bend = np.angle(np.exp(1j * angles[..., _HINGES]))
    asked = limited[..., _HINGES]
    left = np.maximum(np.abs(bend), 1e-9)
    straightened = -bend * np.tanh(np.abs(asked) / left)
    limited[..., _HINGES] = np.where(asked * bend < 0, straightened, asked)
    return limited


def _shift(
    points: Points, amplitude: Amplitude, frame_rate: Fraction, keys: npt.NDArray[np.intp]
) -> npt.NDArray[np.complex128]:
    """What to add to each person's place ``(frames, people)``."""
    place = pelvis(points)
    path = np.stack((place.real, place.imag), axis=-1)
    _, edited = _edited(path, np.array((amplitude.sway, amplitude.bounce)), amplitude, frame_rate)
    added = edited - path
    dip = _BOB * max(0.0, amplitude.bounce - 1) * body_heights(points) * _nearness(len(points), keys)[:, None]
    return np.asarray(added[..., 0] + 1j * (added[..., 1] + dip))


def _edited(
    signals: Signals, gains: npt.NDArray[np.float64], amplitude: Amplitude, frame_rate: Fraction
) -> tuple[Signals, Signals]:
    """The rest of the signals, and the signals after gains and overshoot."""
    rest, low, mid, high = split(signals, frame_rate)
    edited = rest + gains * (amplitude.low * low + amplitude.mid * mid + amplitude.high * high)
    if amplitude.overshoot:
        edited = edited + amplitude.overshoot * (follow_through(edited, frame_rate) - edited)
    return rest, edited


def _nearness(frames: int, keys: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """1 at key frames, 0 halfway between them and from there to the clip's ends, round in between."""
    phase = np.interp(np.arange(frames), keys, np.arange(len(keys)))
    inside = (phase > 0.5) & (phase < len(keys) - 1.5)
    return np.where(inside, (1 + np.cos(2 * np.pi * phase)) / 2, 0)
