"""Accents go to beats, and nothing else changes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.body import ANKLES
from frugal_motion.nodes.motion.editing.accents import find_accents
from frugal_motion.nodes.motion.editing.beats import find_beats
from frugal_motion.nodes.motion.editing.feet import contacts
from frugal_motion.nodes.motion.editing.to_the_beat import BeatSettings, OnTheBeat, to_the_beat
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.node import FrugalToTheBeat
from frugal_motion.nodes.motion.report.quality import measure
from frugal_motion.nodes.video.stream import Waveform

from .dancing import RATE, beats, clicks, dancer, distance, music, off_beat
from .synthetic import Damage, damaged, dance

SECONDS = 12.0
NOBODY = np.zeros((0, 3))


def now(result: OnTheBeat, seconds: np.ndarray) -> np.ndarray:
    """When what was at those times of the source is to be seen."""
    rate = float(result.motion.frame_rate)
    return np.interp(seconds, result.times / rate, np.arange(len(result.times)) / rate)


def mean(times: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(distance(times, true)).mean())


def danced(true: np.ndarray, how: str, seed: int) -> np.ndarray:
    """Accents of somebody who does not hear the music."""
    inside = true[(true > 0.6) & (true < SECONDS - 0.6)]
    if how == "late":
        return inside + 0.14
    if how == "slower":
        return np.arange(0.7, SECONDS - 0.6, 1.05 * np.diff(true)[0])
    return off_beat(inside, seed)


@pytest.mark.parametrize("sound", [clicks, music])
@pytest.mark.parametrize(
    ("how", "rate", "hold"), [("unsteady", 25, 0), ("unsteady", 60, 0.4), ("late", 25, 0.4), ("slower", 30, 0)]
)
def test_accents_meet_beats_and_feet_stay(sound, how: str, rate: int, hold: float) -> None:
    """From the sound to the motion: nothing is told but the two."""
    before, after, slides = [], [], []
    for seed, tempo in enumerate((90, 120)):
        true = beats(tempo, SECONDS)
        accents = danced(true, how, seed)
        source = _trembling(dancer(accents, SECONDS, Fraction(rate), seed, hold))
        result = to_the_beat(source, find_beats(sound(true, SECONDS)))
        assert np.diff(result.times).min() > 0
        assert result.motion.frame_count == source.frame_count
        before.append(mean(accents, true))
        after.append(mean(now(result, accents), true))
        slides.append([measure(each).whole.foot_slide for each in (source, result.motion)])
    assert np.mean(after) <= 0.3 * np.mean(before)
    was, is_now = np.mean(slides, axis=0)
    assert is_now <= 1.05 * was


def _trembling(motion: Motion) -> Motion:
    """As smoothed ones do: by 0.1 % of the body."""
    return damaged(motion, Damage(noise=0.001, dropouts=0, outliers=0, swaps=0))


def test_a_planted_foot_does_not_move() -> None:
    true = beats(120, SECONDS)
    source = dancer(danced(true, "unsteady", 3), SECONDS, Fraction(30), 3, hold=0.5)
    result = to_the_beat(source, true)
    stood = contacts(source)
    # Whoever stands around the time of a new frame, stands in it.
    around = [np.clip(np.rint(result.times).astype(int) + by, 0, len(stood) - 1) for by in (-3, -2, -1, 0, 1, 2, 3)]
    still = np.all([stood[frames] for frames in around], axis=0)
    step = np.abs(np.diff(result.motion.keypoints[:, :, ANKLES, :2], axis=0)).max(axis=-1)
    there = still[1:] & still[:-1]
    assert there.sum() > 100
    assert step[there].max() < 0.0005, "half a pixel of 1280"


def test_the_result_is_heard_and_seen_on_the_beat() -> None:
    """What the eye would take for accents in the result, not what the map says."""
    true = beats(120, SECONDS)
    source = dancer(danced(true, "unsteady", 1), SECONDS, Fraction(30), 1, hold=0.4)
    result = to_the_beat(source, true)
    assert mean(find_accents(result.motion).seconds, true) < 0.3 * mean(find_accents(source).seconds, true)


@pytest.mark.parametrize("hold", [0, 0.4])
def test_accents_are_found_where_the_body_stops(hold: float) -> None:
    true = off_beat(beats(110, SECONDS), seed=4)
    found = find_accents(dancer(true, SECONDS, Fraction(30), 4, hold))
    inside = true[1:-1]
    assert np.abs(distance(inside, found.seconds)).mean() < 0.02
    heavy = found.seconds[found.weights > 0.5]
    assert np.abs(distance(heavy, np.append(true, SECONDS))).mean() < 0.04
    assert found.weights.max() == 1 and found.weights.min() > 0


def test_the_end_of_a_clip_is_no_stop() -> None:
    whole = dancer(beats(100, 6), 6, Fraction(30), 2)
    for frames in range(100, 118, 3):
        cut = whole.with_keypoints(whole.keypoints[:frames])
        assert find_accents(cut).seconds.max(initial=0) < (frames - 3) / 30


def test_strength() -> None:
    true = beats(120, SECONDS)
    accents = danced(true, "late", 0)
    source = dancer(accents, SECONDS)
    shares = [
        mean(now(to_the_beat(source, true, BeatSettings(share)), accents), true) / 0.14 for share in (0.25, 0.5, 1)
    ]
    assert shares == pytest.approx([0.75, 0.5, 0.05], abs=0.06)
    untouched = to_the_beat(source, true, BeatSettings(0))
    assert untouched.motion.keypoints.tobytes() == source.keypoints.tobytes()
    assert untouched.why == "strength is 0"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.05, 5.95), max_size=40),
    st.floats(0, 1),
    st.floats(0, 2),
    st.floats(1, 8),
    st.integers(0, 5),
)
def test_time_never_runs_backwards_nor_too_fast(
    marks: list[float], strength: float, max_shift: float, max_speed: float, seed: int
) -> None:
    source = dance(seconds=6, seed=seed)
    result = to_the_beat(source, np.unique(marks), BeatSettings(strength, max_shift, max_speed))
    assert len(result.times) == source.frame_count == result.motion.frame_count
    speed = np.diff(result.times)
    assert speed.min() >= 1 / max_speed - 1e-6 and speed.max() <= max_speed + 1e-6
    assert (result.times[0], result.times[-1]) == (0, source.frame_count - 1)
    was, is_now, beat = result.moved.T
    assert np.abs(beat - was).max(initial=0) <= max_shift
    assert np.all(np.diff(was) > 0) and np.all(np.diff(beat) > 0), "each once, and in order"
    if not result.why:
        assert np.abs(is_now - now(result, was)).max() < 0.5 / 25, "each is where it is said to be"


def test_what_is_far_from_a_beat_is_left_alone() -> None:
    accents = np.array([1.1, 1.9, 3.0, 4.1])
    result = to_the_beat(dancer(accents, 5, hold=0.3), np.array([1.0, 4.0]), BeatSettings(max_shift=0.2))
    assert result.moved[:, 2].tolist() == [1.0, 4.0]
    assert now(result, accents)[2] == pytest.approx(2.9, abs=0.1), "carried along"


def test_one_beat_gets_the_stronger_of_two() -> None:
    first, second = (dancer(np.arange(start, 3.5, 0.6), 4, Fraction(50), seed=7) for start in (1.2, 1.6))
    for calm, stop in ((second, 1.8), (first, 2.2)):
        less = calm.keypoints[:1] + 0.5 * (calm.keypoints - calm.keypoints[:1])
        less[..., 2] = 0.9
        wild = first if calm is second else second
        both = wild.with_keypoints(np.concatenate((wild.keypoints, less), axis=1))
        near = BeatSettings(max_shift=0.25)
        assert to_the_beat(both, np.array([2.0]), near).moved[:, 0] == pytest.approx([stop], abs=0.03)


def test_only_one_persons_accents() -> None:
    one, other = (dancer(np.arange(first, 5, 0.8), 6, seed=seed) for seed, first in enumerate((0.9, 1.3)))
    both = one.with_keypoints(np.concatenate((one.keypoints, other.keypoints), axis=1))
    for person, alone in enumerate((one, other)):
        assert find_accents(both, person).seconds == pytest.approx(find_accents(alone).seconds)
    result = to_the_beat(both, beats(75, 6), BeatSettings(person=1))
    assert result.times == pytest.approx(to_the_beat(other, beats(75, 6)).times)


def test_a_joint_that_is_missing_does_not_stop() -> None:
    source = dancer(np.arange(0.8, 5, 0.6), 6)
    keypoints = np.array(source.keypoints)
    keypoints[40:55] = 0
    found = find_accents(source.with_keypoints(keypoints)).seconds
    assert not ((found > 41 / 25) & (found < 54 / 25)).any()


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_short_motions_stay(frames: int) -> None:
    source = dance(seconds=1)
    short = source.with_keypoints(source.keypoints[:frames])
    motion, report = run(short, clicks(beats(120, 4), 4))
    assert motion is short
    assert "stays as it is: the motion is too short" in report


@pytest.mark.parametrize(
    ("sound", "start"),
    [
        (Waveform(np.zeros((1, 0), np.float32), RATE), 0.0),
        (Waveform(np.zeros((2, 3 * RATE), np.float32), RATE), 0.0),
        (clicks(beats(120, 4), 4), 3.0),
        (clicks(beats(120, 4), 4), -4.0),
    ],
)
def test_sounds_without_beats_in_the_motion(sound: Waveform, start: float) -> None:
    source = dance(seconds=3)
    motion, report = run(source, sound, sound_start=start)
    assert motion is source
    assert report.endswith("The motion stays as it is: the sound has no beats while the motion lasts.")


def test_nobody_moves_or_nobody_is_there() -> None:
    still = np.ones((60, 1, 18, 3), np.float32)
    for keypoints in (still, still[:, :0], np.zeros_like(still)):
        source = Motion(keypoints, Fraction(25), 64, 64)
        result = to_the_beat(source, beats(120, 2))
        assert result.motion is source and result.why == "nobody stops or turns"
        assert result.moved.shape == NOBODY.shape


@pytest.mark.parametrize(
    ("changed", "name"),
    [({"strength": 1.5}, "strength"), ({"max_shift": -1.0}, "max_shift"), ({"max_speed": 0.5}, "max_speed"),
     ({"max_speed": np.nan}, "max_speed"), ({"beats": "?"}, "beats")],
)  # fmt: skip
def test_bad_input(changed: dict[str, object], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: found"):
        run(dance(seconds=1), clicks(beats(120, 2), 2), **changed)


def run(motion: Motion, sound: Waveform, **inputs: object) -> tuple[Motion, str]:
    return FrugalToTheBeat.execute(motion, _audio(sound), **inputs).args


def _audio(sound: Waveform) -> dict[str, object]:
    return {"waveform": torch.from_numpy(sound.samples)[None], "sample_rate": sound.sample_rate}


def test_the_node_shows_its_beats_where_they_are_in_the_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    true = beats(120, SECONDS)
    source = dancer(danced(true, "late", 0), 8)
    output = FrugalToTheBeat.execute(source, _audio(clicks(true, SECONDS)), sound_start=-2.0)
    (shown,) = output.ui["frugal_motion"]
    assert np.abs(distance(np.array(shown["beats"]), true - 2)).max() < 0.015
    assert min(shown["beats"]) >= 0 and max(shown["beats"]) <= 8
    assert shown["before"]
    motion, report = output.args
    assert motion.frame_count == source.frame_count
    assert report.splitlines()[1].startswith("From such an accent to its beat: 0.13"), report
    assert report.splitlines()[1].endswith("0.000 s now.")
