"""When a sound has its beats, by librosa (ISC licence), which comes with ``install.py beats`` and not by itself."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...installing import install_command
from ...video.stream import Waveform
from .timing import Seconds

CHOICES = {"every beat": 1, "every 2nd beat": 2, "every 4th beat": 4, "onsets": 0}
"""Which moments of a sound can be chosen, and how many beats lie from one to the next."""

LIBRARY = "librosa"

_RATE = 22_050
# A window of 23 ms instead of librosa's 93 puts a click 5 ms late instead of 12 to 31, see tests/motion/test_beats.py.
_WINDOW, _BANDS, _HOP = 512, 40, 128
_TEMPO_SECONDS = 8.0  # how far apart sounds may be that tell the tempo
_SHORTEST_SECONDS = 0.25


def beats_within(
    sound: Waveform, seconds: float, choice: str = "every beat", first: int = 1, start: float = 0
) -> Seconds:
    """The chosen beats of a sound that begins ``start`` seconds after a motion does, while that lasts.

    Args:
        sound: any; one that begins before the motion has a ``start`` below 0.
        seconds: that the motion lasts.
        choice: one of ``CHOICES``.
        first: 1 or more: which of the beats in the motion is the first that is taken.
        start: in seconds.

    Returns:
        Rising times in seconds from the motion's first frame.

    Raises:
        ImportError, InputError: see ``find_beats``; or an input is not allowed.
    """
    if choice not in CHOICES:
        raise InputError("beats", repr(choice), ", ".join(CHOICES))
    if not np.isfinite(start):
        raise InputError("sound_start", str(start), "seconds")
    step = CHOICES[choice]
    times = start + (find_beats(sound) if step else find_onsets(sound))
    times = times[(times >= 0) & (times <= seconds)]
    return times[(first - 1) % step :: step] if step else times


def find_beats(sound: Waveform) -> Seconds:
    """The beats of a sound, as regular as its tempo is (Ellis: Beat Tracking by Dynamic Programming, 2007).

    Noise without a beat has some too, by chance. In silence there are none.

    Returns:
        Rising times in seconds from the start of the sound.

    Raises:
        ImportError: librosa is not installed; says how to install it.
        InputError: the sound has samples that are no numbers.
    """
    librosa = _librosa()
    rises = _rises(librosa, sound)
    if not rises.any():
        return np.zeros(0)
    # Of the whole sound at once: librosa's own tempogram takes gigabytes for some minutes.
    alike = np.maximum(librosa.autocorrelate(rises, max_size=round(_TEMPO_SECONDS * _RATE / _HOP)), 0)
    tempo = librosa.feature.tempo(tg=alike[:, None], sr=_RATE, hop_length=_HOP)
    _, frames = librosa.beat.beat_track(onset_envelope=rises, bpm=float(tempo[0]), sr=_RATE, hop_length=_HOP)
    return np.asarray(frames * (_HOP / _RATE), np.float64)


def find_onsets(sound: Waveform) -> Seconds:
    """When each note, drum or syllable of a sound begins; like ``find_beats`` in all else."""
    librosa = _librosa()
    rises = _rises(librosa, sound)
    frames = librosa.onset.onset_detect(onset_envelope=rises, sr=_RATE, hop_length=_HOP) if rises.any() else np.zeros(0)
    return np.asarray(frames * (_HOP / _RATE), np.float64)


def is_installed() -> bool:
    """Whether there is a library to find beats with; it is not imported."""
    return find_spec(LIBRARY) is not None


def not_installed(reason: str = "") -> str:
    """What to do about it."""
    return (
        f"To the Beat needs {LIBRARY}, which cannot be imported{reason and f' ({reason})'}. Install it into ComfyUI's "
        f"Python: {install_command()} beats, which changes no package that is there"
    )


def _librosa() -> Any:
    try:
        import librosa
    except ImportError as error:
        raise ImportError(not_installed(str(error))) from error
    return librosa


def _rises(librosa: Any, sound: Waveform) -> npt.NDArray[np.float32]:
    """How much louder the sound gets in each 5.8 ms, over all its bands; empty for one that is too short."""
    samples = np.asarray(sound.samples, np.float32)
    if not np.isfinite(samples).all():
        raise InputError("audio", "samples that are NaN or infinite", "finite numbers")
    if samples.shape[-1] < _SHORTEST_SECONDS * sound.sample_rate or not samples.any():
        return np.zeros(0, np.float32)
    mono = librosa.resample(samples.mean(axis=0), orig_sr=sound.sample_rate, target_sr=_RATE)
    rises = librosa.onset.onset_strength(y=mono, sr=_RATE, hop_length=_HOP, n_fft=_WINDOW, n_mels=_BANDS)
    return np.asarray(rises, np.float32)
