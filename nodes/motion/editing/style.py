"""The style of a motion: presets, and the one pipeline behind them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from ...errors import InputError
from ..body import mirrored_order
from ..limbs import to_keypoints, to_points
from ..motion import BODY_JOINTS, Motion
from .amplitude import Amplitude, amplified
from .feet import contacts, planted
from .timing import hold_map, key_poses, loop, resample, reverse, tempo_map

MIRRORS = ("off", "person", "frame")
"""What a motion is mirrored about: nothing, each person's own middle, the middle of the frame."""

_LARGEST_GAIN = 4.0
_TEMPI = (0.1, 10.0)


@dataclass(frozen=True)
class StyleSettings:
    """What to change about a motion. The default changes nothing.

    Attributes:
        arms, legs, torso, head: factor 0..4 of each part's movement around its rest: the slow course of its angle to
            the part it hangs on.
        sway: factor 0..4 of the whole body's movement sideways.
        bounce: factor 0..4 of the whole body's movement up and down; above 1 it also dips at every key pose.
        low, mid, high: factor 0..4 of movement below 0.6 Hz, up to 2.2 Hz and above.
        overshoot: 0..1, how far things swing past where they stop.
        tempo: speed 0.1..10; the frame rate stays and the number of frames changes.
        ease: 0..1, how much the clip starts and ends slowly.
        snap: 0..1, how long key poses are held before the body snaps to the next.
        mirror: one of ``MIRRORS``.
        reverse: play backwards.
        loop: let the end go on into the beginning (see ``timing.loop``).
        keep_feet: feet that stand stay where they are.
    """

    arms: float = 1.0
    legs: float = 1.0
    torso: float = 1.0
    head: float = 1.0
    sway: float = 1.0
    bounce: float = 1.0
    low: float = 1.0
    mid: float = 1.0
    high: float = 1.0
    overshoot: float = 0.0
    tempo: float = 1.0
    ease: float = 0.0
    snap: float = 0.0
    mirror: str = "off"
    reverse: bool = False
    loop: bool = False
    keep_feet: bool = True

    def __post_init__(self) -> None:
        for name in (*_FACTORS, *_SHARES):
            largest = 1.0 if name in _SHARES else _LARGEST_GAIN
            if not 0 <= getattr(self, name) <= largest:
                raise InputError(name, f"{getattr(self, name):g}", f"0 to {largest:g}")
        if not _TEMPI[0] <= self.tempo <= _TEMPI[1]:
            raise InputError("tempo", f"{self.tempo:g}", f"{_TEMPI[0]:g} to {_TEMPI[1]:g}")
        if self.mirror not in MIRRORS:
            raise InputError("mirror", repr(self.mirror), ", ".join(MIRRORS))

    def scaled(self, strength: float) -> StyleSettings:
        """The same style at a strength 0..1; what is only on or off is on at any strength above 0."""
        if not 0 <= strength <= 1:
            raise InputError("strength", f"{strength:g}", "0 to 1")
        if strength == 0:
            return StyleSettings()
        factors = {name: 1 + strength * (getattr(self, name) - 1) for name in _FACTORS}
        shares = {name: strength * getattr(self, name) for name in _SHARES}
        return replace(self, tempo=self.tempo**strength, **factors, **shares)

    def combined(self, other: StyleSettings) -> StyleSettings:
        """Both styles: factors multiply and shares add up, within their ranges; the rest is ``other``'s."""
        factors = {name: min(getattr(self, name) * getattr(other, name), _LARGEST_GAIN) for name in _FACTORS}
        shares = {name: min(getattr(self, name) + getattr(other, name), 1.0) for name in _SHARES}
        tempo = float(np.clip(self.tempo * other.tempo, *_TEMPI))
        return replace(other, tempo=tempo, **factors, **shares)

    @property
    def reshapes(self) -> bool:
        """Whether poses change, not only when they come."""
        return any(getattr(self, name) != 1 for name in _FACTORS) or self.overshoot != 0


_FACTORS = ("arms", "legs", "torso", "head", "sway", "bounce", "low", "mid", "high")
_SHARES = ("overshoot", "ease", "snap")

PRESETS = {
    "natural": StyleSettings(),
    "calm": StyleSettings(
        arms=0.6, legs=0.75, torso=0.6, head=0.6, sway=0.7, bounce=0.6, high=0.5, tempo=0.85, ease=0.2
    ),
    "energetic": StyleSettings(
        arms=1.5, legs=1.35, torso=1.4, head=1.3, sway=1.25, bounce=1.4, high=1.1, overshoot=0.15, tempo=1.15
    ),
    "bouncy": StyleSettings(arms=1.15, torso=1.2, head=1.3, bounce=2.2, overshoot=0.5),
    "robotic": StyleSettings(torso=0.6, head=0.5, sway=0.7, bounce=0.3, snap=0.85),
    "heavy": StyleSettings(arms=0.8, head=0.8, bounce=1.4, mid=0.85, high=0.25, overshoot=0.25, tempo=0.72),
    "dreamy": StyleSettings(
        torso=1.2, sway=1.3, bounce=0.6, low=1.25, mid=0.75, high=0.0, overshoot=0.2, tempo=0.6, ease=0.3
    ),
}
"""Styles by the name a user chooses."""


def preset(name: str) -> StyleSettings:
    """A style by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PRESETS:
        raise InputError("preset", repr(name), ", ".join(PRESETS))
    return PRESETS[name]


def style(motion: Motion, settings: StyleSettings, strength: float = 1.0) -> Motion:
    """Give a motion another style.

    Timing comes first (tempo, ease, snap, reverse), then the poses, then the feet, then mirror and loop. Settings that
    ask for nothing, and strength 0, return the motion itself. Missing joints stay missing.

    Args:
        motion: of any length and any number of people.
        settings: what to change.
        strength: 0..1 of it.

    Raises:
        InputError: ``strength`` is outside 0..1.
    """
    settings = settings.scaled(strength)
    if motion.keypoints.size == 0:
        return motion
    stands = contacts(motion) if settings.keep_feet and settings.reshapes else None
    times = hold_map(
        tempo_map(motion.frame_count, settings.tempo, settings.ease),
        key_poses(motion) if settings.snap else np.arange(0),
        settings.snap,
    )
    motion = resample(motion, times) if _retimes(settings) else motion
    if settings.reshapes:
        motion = _reshaped(motion, settings, None if stands is None else stands[np.rint(times).astype(np.intp)])
    motion = reverse(motion) if settings.reverse else motion
    motion = mirror(motion, settings.mirror)
    return loop(motion) if settings.loop else motion


def mirror(motion: Motion, about: str) -> Motion:
    """Exchange left and right: the joints and the picture.

    Args:
        motion: to mirror.
        about: ``"person"``: everyone stays at his place; ``"frame"``: as if the picture was mirrored; ``"off"``.
    """
    if about == "off" or motion.keypoints.size == 0:
        return motion
    keypoints = motion.keypoints[:, :, mirrored_order(motion.keypoints.shape[2])]
    found = keypoints[..., 2] > 0
    middle = np.full((motion.people, 1), 0.5)
    if about == "person":
        middle[:, 0] = [_middle(motion, person) for person in range(motion.people)]
    keypoints[..., 0] = np.where(found, 2 * middle - keypoints[..., 0], 0)
    return motion.with_keypoints(keypoints)


def _middle(motion: Motion, person: int) -> float:
    """Half-way between the furthest left and the furthest right that a person's body gets, less the odd outlier."""
    body = motion.keypoints[:, person, : len(BODY_JOINTS)]
    x = body[..., 0][body[..., 2] > 0].astype(np.float64)
    return float(np.percentile(x, (2, 98)).mean()) if x.size else 0.5


def _retimes(settings: StyleSettings) -> bool:
    return any(getattr(settings, f.name) != f.default for f in fields(settings) if f.name in ("tempo", "ease", "snap"))


def _reshaped(motion: Motion, settings: StyleSettings, stands: np.ndarray | None) -> Motion:
    source = to_points(motion)
    amplitude = Amplitude(
        {part: getattr(settings, part) for part in ("arms", "legs", "torso", "head")},
        **{name: getattr(settings, name) for name in ("sway", "bounce", "low", "mid", "high", "overshoot")},
    )
    edited = amplified(source, amplitude, motion.frame_rate, key_poses(motion))
    if stands is not None:
        edited = planted(edited, source, stands, float(motion.frame_rate))
    return motion.with_keypoints(to_keypoints(edited, motion.keypoints, motion.width / motion.height))
