"""The accents of a motion onto the beats of a sound: a time map, so that every place stays where it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from ...errors import InputError
from ..motion import ALL, Motion
from .accents import Accents, find_accents
from .timing import Seconds, Times, resample

_REACH = 400  # pairs that a pair may follow on


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
