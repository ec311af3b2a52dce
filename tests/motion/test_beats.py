"""Beats as librosa hears them, against sounds whose beats are known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.editing import beats as room
from frugal_motion.nodes.motion.editing.beats import beats_within, find_beats, find_onsets
from frugal_motion.nodes.video.stream import Waveform

from .dancing import RATE, beats, clicks, distance, music

SECONDS = 12.0
SOUNDS = {
    "clicks": clicks,
    "clicks in noise": lambda times, seconds: clicks(times, seconds, noise=0.05),
    "music": music,
}


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("tempo", [90, 120, 140])
def test_beats_are_where_they_are_heard(sound: str, tempo: float) -> None:
    """5 ms late on the mean; 15 ms at most."""
    true = beats(tempo, SECONDS)
    found = find_beats(SOUNDS[sound](true, SECONDS))
    inside = true[2:-2]  # librosa may leave out the first and the last
    apart = distance(inside, found)
    assert np.abs(apart).mean() < 0.008
    assert np.abs(apart).max() < 0.015
    assert abs(len(found) - len(true)) <= 2, "none between them"
    assert np.all(np.diff(found) > 0)


def test_onsets_need_no_beat() -> None:
    true = np.cumsum(np.random.default_rng(2).uniform(0.2, 0.9, 15))
    found = find_onsets(clicks(true, SECONDS))
    assert len(found) == (true < SECONDS).sum()
    assert np.abs(distance(true[true < SECONDS], found)).max() < 0.02


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000])
def test_any_sample_rate(rate: int) -> None:
    true = beats(120, 6)
    clock = np.arange(round(0.03 * rate)) / rate
    samples = np.zeros((6, 6 * rate), np.float32)
    for time in true:
        start = round(time * rate)
        part = samples[:, start : start + len(clock)]
        part += (np.exp(-clock / 0.006) * np.sin(2 * np.pi * 1500 * clock))[: part.shape[1]]
    assert np.abs(distance(true[2:-2], find_beats(Waveform(samples, rate)))).max() < 0.015


@pytest.mark.parametrize("samples", [0, 1, 100, RATE // 5, 3 * RATE])
def test_silence_has_none(samples: int) -> None:
    sound = Waveform(np.zeros((2, samples), np.float32), RATE)
    assert len(find_beats(sound)) == len(find_onsets(sound)) == 0


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.0])
def test_short_sounds_are_no_trouble(seconds: float) -> None:
    sound = clicks(np.array([0.0]), seconds)
    assert len(find_beats(sound)) <= 2 and len(find_onsets(sound)) <= 2


def test_which_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sound began 0.6 s before the motion, which lasts 2 s."""
    monkeypatch.setattr(room, "find_beats", lambda _: np.arange(12) * 0.25)
    monkeypatch.setattr(room, "find_onsets", lambda _: np.array([0.5, 0.9, 1.1]))
    sound = Waveform(np.zeros((1, 1), np.float32), RATE)

    def within(choice: str, first: int = 1) -> list[float]:
        return beats_within(sound, 2.0, choice, first, -0.6).round(2).tolist()

    assert within("every beat") == [0.15, 0.4, 0.65, 0.9, 1.15, 1.4, 1.65, 1.9]
    assert within("every beat", 3) == within("every beat")
    assert within("every 2nd beat") == [0.15, 0.65, 1.15, 1.65]
    assert within("every 2nd beat", 2) == [0.4, 0.9, 1.4, 1.9]
    assert within("every 4th beat", 3) == [0.65, 1.65]
    assert within("onsets") == [0.3, 0.5]
    with pytest.raises(InputError, match="^beats: found 'none'; allowed: every beat"):
        within("none")
    with pytest.raises(InputError, match="^sound_start: found nan"):
        beats_within(sound, 2.0, start=np.nan)


def test_samples_that_are_no_numbers_are_refused() -> None:
    samples = np.zeros((1, RATE), np.float32)
    samples[0, 5] = np.nan
    with pytest.raises(InputError, match="^audio: found samples that are NaN"):
        find_beats(Waveform(samples, RATE))


def test_without_librosa_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from frugal_motion.nodes.motion.node import FrugalToTheBeat

    assert FrugalToTheBeat.validate_inputs(beats="every beat") is True
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(ImportError, match=r'needs librosa.*install\.py" beats'):
        find_beats(Waveform(np.ones((1, RATE), np.float32), RATE))
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    assert 'install.py" beats' in FrugalToTheBeat.validate_inputs(beats="every beat")
