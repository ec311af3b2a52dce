"""The accents of a motion onto the beats of a sound: a time map, so that every place stays where it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ...errors import InputError
from ..body import HIPS
from ..limbs import body_heights, to_points
from ..motion import ALL, BODY_JOINTS, Motion, chosen
from .timing import Times, resample

Seconds: TypeAlias = npt.NDArray[np.float64]

_ENDS = tuple(
    BODY_JOINTS.index(name)
    for name in (
        "nose", "right_wrist", "left_wrist", "right_elbow", "left_elbow",
        "right_ankle", "left_ankle", "right_knee", "left_knee",
    )
)  # fmt: skip
_SMOOTH_SECONDS = 0.02
_SLOWEST = 0.1  # body sizes per second that a joint must have had before it stops
_STILL = 0.4  # of the speed that it loses: from here on it counts as stopped
_REST_SECONDS = 0.1  # that a joint must rest where the clip ends to have stopped
_TOGETHER_SECONDS = 0.06  # joints that stop within about this time stop together
_APART_SECONDS = 0.15  # shortest time between two accents
_WEAKEST = 0.1  # of a strong accent; weaker ones are none
_REACH = 400  # pairs that a pair may follow on


@dataclass(frozen=True, eq=False)
class Accents:
    """Where a motion stops or turns.

    Attributes:
        seconds: rising times from the first frame.
        weights: 0..1 each; 1 where the whole body stops from full swing.
    """

    seconds: Seconds
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True)
class BeatSettings:
    """How far accents are moved.

    Attributes:
        strength: 0..1 of the way to their beats.
        max_shift: seconds that an accent is moved at most; those that are further from a beat are left alone.
        max_speed: above 1: no frame plays more than so many times as fast, or as slowly, as it did.
        person: whose accents count; from 0, or ``ALL``.

    Raises:
        InputError: a value outside its range.
    """

    strength: float = 1.0
    max_shift: float = 0.35
    max_speed: float = 3.0
    person: int = ALL

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise InputError("strength", str(self.strength), "0 to 1")
        if not 0 <= self.max_shift < np.inf:
            raise InputError("max_shift", str(self.max_shift), "seconds, 0 or more")
        if not 1 <= self.max_speed < np.inf:
            raise InputError("max_speed", str(self.max_speed), "1 or more")


@dataclass(frozen=True, eq=False)
class OnTheBeat:
    """A motion whose accents have been moved.

    Attributes:
        motion: of as many frames as before.
        times: source time of each of them in frames; strictly rising.
        beats: those that could be aimed at, in seconds.
        accents: of the source.
        moved: of each accent that has a beat, where it was, where it is now and its beat, in seconds ``(pairs, 3)``.
        why: why nothing was moved; empty if something was.
    """

    motion: Motion
    times: Times
    beats: Seconds
    accents: Accents
    moved: Seconds
    why: str = ""

    def as_text(self) -> str:
        """What was moved, for the user."""
        found = f"{len(self.beats)} beats and {len(self.accents.seconds)} accents"
        if self.why:
            return f"{found}. The motion stays as it is: {self.why}."
        before, now, beat = self.moved.T
        speeds = np.diff(self.times)
        return (
            f"{found}; {len(before)} accents have a beat, the others are carried along.\n"
            f"From such an accent to its beat: {np.abs(before - beat).mean():.3f} s before, "
            f"{np.abs(now - beat).mean():.3f} s now.\n"
            f"Largest shift {np.abs(now - before).max():.2f} s; "
            f"between {speeds.min():.2f} and {speeds.max():.2f} times as fast as before."
        )


def to_the_beat(motion: Motion, beats: Seconds, settings: BeatSettings = BeatSettings()) -> OnTheBeat:
    """Move the accents of a motion onto beats.

    Its first and its last frame stay, and all people keep in step. Accents are matched to beats in order, so that as
    many and as strong ones as possible meet one; those without a beat near them are carried along.

    Args:
        motion: of any length. With fewer than 3 frames it stays as it is.
        beats: rising times in seconds from its first frame; those outside the motion do not count.
        settings: how far.
    """
    frames, rate = motion.frame_count, float(motion.frame_rate)
    end = max(frames - 1, 0) / rate
    accents = find_accents(motion, settings.person)
    beats = beats[(beats > 0) & (beats < end)]
    pairs = _matched(accents, beats, end, settings)
    source, aims = accents.seconds[pairs[:, 0]], beats[pairs[:, 1]]
    moved = np.stack((source, source + settings.strength * (aims - source), aims), axis=1)
    if why := _why_not(frames, accents, beats, pairs, settings):
        return OnTheBeat(motion, np.arange(frames, dtype=np.float64), beats, accents, moved, why)
    times = _time_map(moved[:, :2] * rate, frames)
    return OnTheBeat(resample(motion, times), times, beats, accents, moved)


def find_accents(motion: Motion, person: int = ALL) -> Accents:
    """Find where limbs, head and pelvis stop or turn: their speed falls from a peak into a valley.

    A joint that stays still has its accent where it comes to rest. Each counts as much as it was fast before, and those
    of several joints at about one time are one accent.
    """
    rate = float(motion.frame_rate)
    if motion.frame_count < 3 or not motion.keypoints[:, chosen(person)].size:
        return Accents(np.zeros(0), np.zeros(0))
    points, found = to_points(motion)[:, chosen(person)], motion.keypoints[:, chosen(person), :, 2] > 0
    places = np.concatenate((points[..., _ENDS], points[..., HIPS].mean(axis=2, keepdims=True)), axis=2)
    seen = np.concatenate((found[..., _ENDS], found[..., HIPS].all(axis=2, keepdims=True)), axis=2)
    places = gaussian_filter1d(places, _SMOOTH_SECONDS * rate, axis=0, mode="nearest")
    speed = np.abs(np.diff(places, axis=0)) * rate / body_heights(points)[:, None]
    seen = seen[1:] & seen[:-1]
    stops = np.concatenate([_stops(speed[:, i, k], seen[:, i, k], rate) for i, k in np.ndindex(speed.shape[1:])])
    stops[:, 0] += 0.5 / rate  # a speed is that between two frames
    return _together(stops, motion.frame_count / rate)


def _stops(speed: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_], rate: float) -> npt.NDArray[np.float64]:
    """When a joint stops in seconds, and how much slower it gets ``(stops, 2)``."""
    bursts, _ = find_peaks(speed, prominence=_SLOWEST)
    stops = []
    for burst, following in pairwise([*bursts, len(speed) - 1]):
        part = speed[burst : following + 1]
        drop = float(part[0] - part.min())
        if drop >= _SLOWEST and seen[burst : burst + int(np.argmin(part)) + 1].all():
            stop = _stop(part, drop)
            if following < len(speed) - 1 or part[-1] > part.min() or len(part) - 1 - stop >= _REST_SECONDS * rate:
                stops.append(((burst + stop) / rate, drop))
    return np.array(stops).reshape(-1, 2)


def _stop(speed: npt.NDArray[np.float64], drop: float) -> float:
    """Where in a valley of its speed, which begins with a peak, a joint stops or turns; in frames from there.

    In the middle of a narrow one; where it rests for longer, at the time at which it would stand if it went on braking.
    """
    lowest = int(np.argmin(speed))
    level = speed[lowest] + _STILL * drop
    before = int(np.flatnonzero(speed[:lowest] > level)[-1])
    braking = speed[before] - speed[before + 1]
    first = before + (speed[before] - level) / braking
    rising = np.flatnonzero(speed[lowest:] > level)
    if not len(rising):
        return float(first + level / braking)
    after = lowest + int(rising[0])
    last = after - (speed[after] - level) / (speed[after] - speed[after - 1])
    return float(min(first + level / braking, (first + last) / 2))


def _together(stops: npt.NDArray[np.float64], seconds: float) -> Accents:
    """Stops of several joints as accents of one body."""
    if not len(stops):
        return Accents(np.zeros(0), np.zeros(0))
    step = _TOGETHER_SECONDS / 10
    curve = np.bincount(np.rint(stops[:, 0] / step).astype(np.intp), stops[:, 1], round(seconds / step) + 2)
    curve = np.pad(gaussian_filter1d(curve, _TOGETHER_SECONDS / step, mode="constant"), 1)
    peaks, _ = find_peaks(curve, distance=max(1, round(_APART_SECONDS / step)))
    near = np.abs(stops[:, :1] - (peaks - 1) * step) < _APART_SECONDS / 2
    weights = (near * stops[:, 1:]).sum(axis=0)
    times = (near * stops[:, 1:] * stops[:, :1]).sum(axis=0) / np.maximum(weights, 1e-12)
    strong = np.percentile(weights, 90)
    kept = weights > _WEAKEST * strong
    return Accents(times[kept], np.minimum(weights[kept] / strong, 1))


def _matched(accents: Accents, beats: Seconds, end: float, settings: BeatSettings) -> npt.NDArray[np.intp]:
    """Accents and the beats they go to ``(pairs, 2)``, both rising: the heaviest choice, by dynamic programming.

    Between two pairs that follow each other, and between them and the ends of the clip, time runs at most so much
    faster or slower that the smooth map through them keeps ``max_speed``.
    """
    distance = np.abs(accents.seconds[:, None] - beats)
    pairs = np.argwhere((distance <= settings.max_shift) & (accents.seconds[:, None] < end))
    if not len(pairs):
        return pairs
    limit = _steepest(settings.max_speed)
    source, aim = accents.seconds[pairs[:, 0]], beats[pairs[:, 1]]
    near = 1 - 0.5 * (distance[pairs[:, 0], pairs[:, 1]] / max(settings.max_shift, 1e-9)) ** 2
    gain = accents.weights[pairs[:, 0]] * near

    def allowed(width: Seconds, height: Seconds) -> npt.NDArray[np.bool_]:
        return np.asarray((width > 0) & (height > 0) & (height <= limit * width) & (width <= limit * height))

    best = np.where(allowed(aim, source), gain, -np.inf)
    before = np.full(len(pairs), -1)
    for pair in range(1, len(pairs)):
        window = slice(max(0, pair - _REACH), pair)
        sums = np.where(allowed(aim[pair] - aim[window], source[pair] - source[window]), best[window], -np.inf)
        if sums.max() > 0 and sums.max() + gain[pair] > best[pair]:
            best[pair], before[pair] = sums.max() + gain[pair], window.start + int(np.argmax(sums))
    total = np.where(allowed(end - aim, end - source), best, -np.inf)
    chain = []
    pair = int(np.argmax(total)) if np.isfinite(total.max()) else -1
    while pair >= 0:
        chain.append(pair)
        pair = int(before[pair])
    return np.asarray(pairs[chain[::-1]]).reshape(-1, 2)


def _steepest(max_speed: float) -> float:
    """The slope between two knots up to which a PCHIP keeps within ``1 / max_speed`` and ``max_speed``.

    Its slopes at the knots are harmonic means with weights of 1/3 to 2/3 (Fritsch and Butland 1984). A slope c beside
    1 / c gives 3c / (c² + 2) at most; a segment of slope 1 / c between two such knots is slowest in its middle, with
    3 / 2c - 3c / 2(c² + 2) = 3 / (c³ + 2c), which is 1 / max_speed where c³ + 2c = 3 max_speed.
    """
    roots = np.roots((1, 0, 2, -3 * max_speed))
    return float(roots[np.argmin(np.abs(roots.imag))].real)


def _time_map(knots: Times, frames: int) -> Times:
    """Source times by frame, through ``knots`` of source and new frames, and outside the clip as if it went on."""
    ends = np.array((-1.0, 0.0)), np.array((frames - 1.0, frames))
    source, new = (np.concatenate((ends[0], column, ends[1])) for column in knots.T)
    times = PchipInterpolator(new, source)(np.arange(frames))
    times[0], times[-1] = 0, frames - 1
    return np.asarray(times)


def _why_not(frames: int, accents: Accents, beats: Seconds, pairs: npt.NDArray[np.intp], settings: BeatSettings) -> str:
    if frames < 3:
        return "the motion is too short"
    if not len(beats):
        return "the sound has no beats while the motion lasts"
    if not len(accents.seconds):
        return "nobody stops or turns"
    if not len(pairs):
        return "no accent can reach a beat within max_shift and max_speed"
    return "" if settings.strength else "strength is 0"
