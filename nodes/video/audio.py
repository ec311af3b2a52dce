"""Sound: decoded to the sample, placed by its time stamps, trimmed, and streamed in blocks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

import av
import av.error
import av.filter
import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .probe import probe
from .stream import Audio, FileAudio, Waveform
from .tracks import LAYOUTS, AudioFormat, SoundTrack

logger = logging.getLogger(__name__)

Samples: TypeAlias = npt.NDArray[np.float32]
"""``(channels, samples)`` in -1..1."""

_BLOCK = 48_000
_PREROLL = Fraction(1, 2)
"""Seconds that a decoder needs before what it gives can be used; the longest of all, Opus, wants 0.08."""
_FAR = 10
"""Seconds before the first wanted sound from which nothing is decoded, where seeking could not come nearer."""
_GAP = 1.0
"""Seconds without sound that are filled here, a block at a time."""
_ROUNDING = Fraction(2, 1000)
"""Seconds between time stamps and counted samples that are the rounding of stamps."""
# What is more is followed with at most 0.2 % of speed, which nobody hears; 20 ms are cut, or silence is put in.
_FOLLOW = "flags=res:min_comp=0.002:max_soft_comp=0.002:comp_duration=1:min_hard_comp=0.02"


def audio_format(audio: Audio) -> AudioFormat:
    """The format of the samples of ``audio``.

    Raises:
        InputError: it is a file without sound that can be decoded.
    """
    if isinstance(audio, Waveform):
        return AudioFormat(audio.sample_rate, len(audio.samples))
    return sound_track(audio).format


def sound_track(audio: FileAudio) -> SoundTrack:
    """The track that ``audio`` is of.

    Raises:
        InputError: the file has no sound that can be decoded.
    """
    track = audio.track or probe(audio.path).sound
    if track is None:
        raise InputError("audio", f"{audio.path.name!r}, which has no sound", "a file with sound that can be decoded")
    return track


def load_waveform(audio: Audio) -> Waveform:
    """Decode ``audio`` whole: every channel, trimmed to the sample.

    Raises:
        InputError: it is a file without sound that can be decoded.
    """
    if isinstance(audio, Waveform):
        return audio
    form = audio_format(audio)
    blocks = list(sample_blocks(audio))
    samples = np.concatenate(blocks, axis=1) if blocks else np.empty((form.channels, 0), np.float32)
    return Waveform(samples, form.sample_rate)


def sample_blocks(audio: Audio) -> Iterator[Samples]:
    """Yield the samples of ``audio`` in order, about a second or less at a time.

    Time 0 of a file is its first picture, so that sound that begins later starts with silence. Every sample is where
    the file's time stamps put it, within 20 ms: gaps are silent, and what overlaps is left out.

    Raises:
        InputError: it is a file without sound that can be decoded.
    """
    if isinstance(audio, Waveform):
        for first in range(0, audio.samples.shape[1], _BLOCK):
            yield audio.samples[:, first : first + _BLOCK]
        return
    track = sound_track(audio)
    rate = track.format.sample_rate
    begin = round(audio.start * rate)
    end = None if audio.duration is None else begin + round(audio.duration * rate)
    for position, samples in _placed(track, audio.start):
        part = samples[:, max(begin - position, 0) : None if end is None else max(end - position, 0)]
        if part.shape[1]:
            yield part
        if end is not None and position + samples.shape[1] >= end:
            return


def trimmed(audio: Audio | None, start: Fraction, duration: Fraction) -> Audio | None:
    """Part of ``audio``; a file stays a file and is not decoded."""
    if audio is None:
        return None
    if isinstance(audio, FileAudio):
        rest = duration if audio.duration is None else min(duration, max(audio.duration - start, Fraction(0)))
        return replace(audio, start=audio.start + start, duration=rest)
    first = round(start * audio.sample_rate)
    return Waveform(audio.samples[:, first : first + round(duration * audio.sample_rate)], audio.sample_rate)


def _placed(track: SoundTrack, start: Fraction) -> Iterator[tuple[int, Samples]]:
    """Samples and the position of the first of them, without gaps or overlaps from ``start`` (or before it) on.

    They are taken as they are while time stamps agree with them, and resampled from where they no longer do.
    """
    rate = track.format.sample_rate
    line = _Line(track.format.channels, round(start * rate))
    resampler: _Resampler | None = None
    due, follows = Fraction(0), False
    for frame in _frames(track, start):
        begin = due if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base - track.origin
        strays = resampler is not None and not follows and abs(begin - line.due / rate) > _ROUNDING
        if resampler is None or strays or not resampler.takes(frame) or abs(begin - due) > _GAP:
            if resampler:
                yield from line.add(resampler.rest())
            follows = follows or strays
            yield from line.go_to(round(begin * rate))
            resampler = _Resampler(frame, track.format, follows)
        yield from line.add(resampler(frame, begin))
        due = begin + Fraction(frame.samples, frame.sample_rate)
    if resampler:
        yield from line.add(resampler.rest())


class _Line:
    """Samples one after the other, the next of which is at ``position``."""

    def __init__(self, channels: int, position: int) -> None:
        self.position, self._channels, self._overlap = position, channels, 0

    @property
    def due(self) -> int:
        """Where what comes next belongs, which may overlap with what there is."""
        return self.position - self._overlap

    def go_to(self, position: int) -> Iterator[tuple[int, Samples]]:
        """Silence up to a later position; what overlaps is left out of what comes from an earlier one."""
        while self.position < position:
            silence = np.zeros((self._channels, min(position - self.position, _BLOCK)), np.float32)
            yield self.position, silence
            self.position += silence.shape[1]
        self._overlap = self.position - position

    def add(self, blocks: Iterator[Samples]) -> Iterator[tuple[int, Samples]]:
        for block in blocks:
            samples = block[:, self._overlap :]
            self._overlap -= block.shape[1] - samples.shape[1]
            if samples.shape[1]:
                yield self.position, samples
                self.position += samples.shape[1]


class _Resampler:
    """Brings frames of one format to that of the track; if it ``follows``, also to the speed of their time stamps."""

    def __init__(self, frame: av.AudioFrame, form: AudioFormat, follows: bool) -> None:
        self._kind, self._channels = _kind(frame), form.channels
        self._unit = Fraction(1, frame.sample_rate)
        self._graph = graph = av.filter.Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout, time_base=self._unit
        )
        target = f"osr={form.sample_rate}:ochl={LAYOUTS[form.channels]}:osf=flt"
        resample = graph.add("aresample", f"{target}:{_FOLLOW}" if follows else target)
        graph.link_nodes(source, resample, graph.add("abuffersink")).configure()

    def takes(self, frame: av.AudioFrame) -> bool:
        return _kind(frame) == self._kind

    def __call__(self, frame: av.AudioFrame, begin: Fraction) -> Iterator[Samples]:
        """The samples that are ready when ``frame``, which is due at ``begin`` seconds, has been taken in."""
        frame.pts, frame.time_base = round(begin / self._unit), self._unit
        self._graph.push(frame)
        return self._ready()

    def rest(self) -> Iterator[Samples]:
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[Samples]:
        while True:
            try:
                packed: Any = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            # Packed, for PyAV miscounts the planes of 8 channels.
            yield np.ascontiguousarray(packed.to_ndarray().reshape(-1, self._channels).T)


def _kind(frame: av.AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name


def _frames(track: SoundTrack, start: Fraction) -> Iterator[av.AudioFrame]:
    damaged = 0
    earliest: int | None = None if start > _FAR else -sys.maxsize

    def ends_early(reason: str) -> None:
        logger.warning("the sound of %s ends early: %s", track.path.name, reason)

    for packet in track.packets(start, _PREROLL, ends_early):
        if track.is_odd and not packet.stream.codec_context.is_open:
            packet.stream.codec_context.layout = LAYOUTS[track.format.channels]
        if earliest is None and packet.time_base:
            earliest = int((start - _FAR + track.origin) / packet.time_base)
        if earliest is not None and packet.pts is not None and packet.pts < earliest:
            continue  # seeking could not come nearer
        try:
            yield from packet.decode()  # type: ignore[misc]
        except av.error.FFmpegError:
            damaged += 1
    if damaged:
        logger.warning("%s: %d damaged pieces of sound are left out", track.path.name, damaged)
