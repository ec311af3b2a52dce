"""Dances whose accents are known, and sounds whose beats are."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.stream import Waveform

WIDTH, HEIGHT = 720, 1280
RATE = 44_100


def dancer(
    accents: np.ndarray, seconds: float, rate: Fraction = Fraction(25), seed: int = 0, hold: float = 0.0
) -> Motion:
    """Someone of about 0.8 frame heights who is in a new pose at every accent, and rests in it for a moment.

    One foot steps at a time and the other stands. ``hold``: share of the time between two accents that a pose is held.
    """
    random = np.random.default_rng(seed)
    keys = np.concatenate(([0.0], accents, [max(seconds, accents[-1] + 0.2)]))
    count = len(keys)
    times = np.arange(round(seconds * rate)) / float(rate)
    part = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, count - 2)
    gone = (times - keys[part]) / np.diff(keys)[part]
    gone = np.clip((gone - hold) / (1 - hold), 0, 1)
    eased = gone**2 * (3 - 2 * gone)

    def between(values: np.ndarray) -> np.ndarray:
        share = eased.reshape(-1, *(1,) * (values.ndim - 1))
        return values[part] * (1 - share) + values[part + 1] * share

    def along(angle: np.ndarray, length: float) -> np.ndarray:
        return length * np.stack((np.sin(angle), np.cos(angle)), axis=-1)

    steps = np.cumsum(random.uniform(0.04, 0.1, count) * random.choice((-1, 1), count)) * 0.3
    feet = {}
    for side in (0, 1):
        which = np.arange(count) - (np.arange(count) + side) % 2  # each foot moves on every other key
        place = steps[np.maximum(which, 0)] + (side * 2 - 1) * 0.07
        lift = np.where(which[part + 1] != which[part], 0.05 * np.sin(np.pi * eased), 0)
        feet[side] = np.stack((between(place), 0.42 - lift), axis=-1)
    turns = random.choice((-1, 1), (6, count)) * random.uniform(0.4, 1.0, (6, count))
    body = np.zeros((len(times), 18, 2))
    pelvis = np.stack(
        (between(steps + random.uniform(-0.04, 0.04, count)), 0.06 + between(random.uniform(-0.03, 0.03, count))), -1
    )
    lean = between(turns[0] * 0.12)
    neck = pelvis - along(-lean, 0.25)
    body[:, 1] = neck
    for side, (shoulder, hip) in enumerate(((2, 8), (5, 11))):
        sign = 2 * side - 1
        body[:, shoulder] = neck + sign * np.array((0.085, 0))
        upper = between(sign * 0.8 + turns[1 + side] * 0.6)
        body[:, shoulder + 1] = body[:, shoulder] + along(upper, 0.14)
        body[:, shoulder + 2] = body[:, shoulder + 1] + along(upper + between(turns[3 + side] * 0.8), 0.13)
        body[:, hip] = pelvis + sign * np.array((0.055, 0))
        body[:, hip + 1] = (body[:, hip] + feet[side]) / 2 + sign * np.array((0.03, 0))
        body[:, hip + 2] = feet[side]
    nose = neck - along(-lean + between(turns[5] * 0.1), 0.1)
    for joint, offset in (
        (0, (0, 0)),
        (14, (-0.012, -0.015)),
        (15, (0.012, -0.015)),
        (16, (-0.03, -0.008)),
        (17, (0.03, -0.008)),
    ):
        body[:, joint] = nose + offset
    places = (body + (0.5 * WIDTH / HEIGHT, 0.5)) / (WIDTH / HEIGHT, 1.0)
    keypoints = np.concatenate((places, np.full((len(times), 18, 1), 0.9)), axis=2)[:, None]
    return Motion(keypoints.astype(np.float32), rate, WIDTH, HEIGHT)


def beats(minute: float, seconds: float, first: float = 0.37) -> np.ndarray:
    """So many beats a minute."""
    return np.arange(first, seconds, 60 / minute)


def off_beat(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """Each time moved by 0.1 to 0.2 of the time between two, earlier or later."""
    random = np.random.default_rng(seed)
    return times + np.diff(times).mean() * random.choice((-1, 1), len(times)) * random.uniform(0.1, 0.2, len(times))


def clicks(times: np.ndarray, seconds: float, noise: float = 0.0) -> Waveform:
    """A metronome, in noise where it is wanted."""
    clock = np.arange(round(0.03 * RATE)) / RATE
    sound = (
        np.random.default_rng(0).normal(0, noise, round(seconds * RATE)) if noise else np.zeros(round(seconds * RATE))
    )
    _add(sound, times, 0.8 * np.exp(-clock / 0.006) * np.sin(2 * np.pi * 1500 * clock))
    return Waveform(np.stack((sound, sound)).astype(np.float32), RATE)


def music(times: np.ndarray, seconds: float) -> Waveform:
    """A drum on every beat, a chord on every other, a hat between two, and some hiss."""
    random = np.random.default_rng(1)
    sound = random.normal(0, 0.003, round(seconds * RATE))
    clock = np.arange(round(0.25 * RATE)) / RATE
    drum = np.exp(-clock / 0.08) * np.sin(2 * np.pi * (50 * clock - 1.8 * np.exp(-clock / 0.03)))
    _add(sound, times, 0.8 * (drum + 0.3 * np.exp(-clock / 0.004) * random.normal(size=len(clock))))
    _add(sound, times + np.diff(times).mean() / 2, 0.08 * np.exp(-clock / 0.01) * random.normal(size=len(clock)))
    clock = np.arange(round(0.9 * RATE)) / RATE
    swell = np.minimum(1, clock / 0.02) * np.exp(-clock / 0.5)
    for place, note in enumerate((220.0, 261.6, 196.0, 246.9)):
        _add(
            sound,
            times[2 * place :: 8],
            0.1 * swell * sum(np.sin(2 * np.pi * note * up * clock) for up in (1, 1.25, 1.5)),
        )
    return Waveform(sound[None].astype(np.float32), RATE)


def _add(sound: np.ndarray, times: np.ndarray, one: np.ndarray) -> None:
    for time in times:
        start = round(time * RATE)
        part = sound[start : start + len(one)]
        part += one[: len(part)]


def distance(times: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """From each time to the nearest beat, in seconds; with a sign."""
    nearest = beats[np.argmin(np.abs(times[:, None] - beats), axis=1)]
    return np.asarray(times - nearest)
