"""Sound: decoded to the sample, trimmed, and streamed in blocks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from ..errors import InputError
from .probe import opened
from .stream import Audio, FileAudio, Waveform

logger = logging.getLogger(__name__)

Samples: TypeAlias = npt.NDArray[np.float32]
"""``(channels, samples)`` in -1..1."""

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""FFmpeg's channel layouts by the number of channels."""

_BLOCK = 48_000


@dataclass(frozen=True)
class AudioFormat:
    """Samples per second, and channels."""

    sample_rate: int
    channels: int


def audio_format(audio: Audio) -> AudioFormat:
    """The format of the samples of ``audio``.

    Raises:
        InputError: it is a file without sound.
    """
    if isinstance(audio, Waveform):
        return AudioFormat(audio.sample_rate, len(audio.samples))
    with opened(audio.path) as container:
        stream = _audio_stream(container)
        return AudioFormat(stream.codec_context.sample_rate, stream.codec_context.channels)


def load_waveform(audio: Audio) -> Waveform:
    """Decode ``audio`` whole: every channel, trimmed to the sample.

    Raises:
        InputError: it is a file without sound.
    """
    if isinstance(audio, Waveform):
        return audio
    form = audio_format(audio)
    blocks = list(sample_blocks(audio))
    samples = np.concatenate(blocks, axis=1) if blocks else np.empty((form.channels, 0), np.float32)
    return Waveform(samples, form.sample_rate)


def sample_blocks(audio: Audio) -> Iterator[Samples]:
    """Yield the samples of ``audio`` in order, about a second or less at a time.

    Time 0 of a file is its first picture, so that sound that begins later starts with silence.

    Raises:
        InputError: it is a file without sound.
    """
    if isinstance(audio, Waveform):
        for first in range(0, audio.samples.shape[1], _BLOCK):
            yield audio.samples[:, first : first + _BLOCK]
        return
    rate = audio_format(audio).sample_rate
    begin = round(audio.start * rate)
    end = None if audio.duration is None else begin + round(audio.duration * rate)
    for position, samples in _decoded(audio.path):
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
        return FileAudio(audio.path, audio.start + start, rest)
    first = round(start * audio.sample_rate)
    return Waveform(audio.samples[:, first : first + round(duration * audio.sample_rate)], audio.sample_rate)


def time_origin(container: InputContainer) -> Fraction:
    """The time stamp, in seconds, that counts as 0: the first picture's, or the first sound's where there is none."""
    streams = [*container.streams.video, *container.streams.audio]
    first = streams[0] if streams else None
    if first is None or first.start_time is None or first.time_base is None:
        return Fraction(0)
    return first.start_time * first.time_base


def _audio_stream(container: InputContainer) -> av.AudioStream:
    if not container.streams.audio:
        raise InputError("audio", f"{Path(container.name).name!r}, which has no sound", "a file with an audio stream")
    return container.streams.audio[0]


def _decoded(path: Path) -> Iterator[tuple[int, Samples]]:
    """Samples and the position of the first of them, without gaps from position 0 (or before it) on."""
    with opened(path) as container:
        stream = _audio_stream(container)
        rate = stream.codec_context.sample_rate
        origin = time_origin(container)
        channels = stream.codec_context.channels
        # Packed, for PyAV miscounts the planes of 8 channels.
        resampler = av.AudioResampler(format="flt", layout=stream.codec_context.layout, rate=rate)
        position: int | None = None
        for frame in _frames(container, stream):
            if frame.pts is not None and frame.time_base is not None:
                stamp = round((frame.pts * frame.time_base - origin) * rate)
                # Time stamps may be rounded to milliseconds: only a real hole is one.
                begin = max(min(stamp, 0), -rate) if position is None else position
                if stamp - begin > (0 if position is None else rate // 10):
                    yield (begin, np.zeros((channels, stamp - begin), np.float32))
                    begin = stamp
                position = begin if position is None or begin > position else position
            position = position or 0
            frame.pts = None
            for converted in resampler.resample(frame):
                packed: Samples = converted.to_ndarray()  # type: ignore[assignment]
                samples = np.ascontiguousarray(packed.reshape(-1, channels).T)
                yield position, samples
                position += samples.shape[1]


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    damaged = 0
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                damaged += 1
    except av.error.FFmpegError as error:
        logger.warning("the sound of %s ends early: %s", Path(container.name).name, error)
    if damaged:
        logger.warning("%s: %d damaged pieces of sound are left out", Path(container.name).name, damaged)
