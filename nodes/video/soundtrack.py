"""The sound of a file that is being written: copied where possible, else encoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from typing import Any, TypeAlias

import av
import av.error
import numpy as np
from av.container import InputContainer, OutputContainer

from ..errors import InputError
from .audio import Samples, audio_format, sample_blocks, sound_track, trimmed
from .codecs import Codec
from .container import opened
from .stream import Audio, FileAudio
from .tracks import LAYOUTS, AudioFormat, SoundTrack

_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_OPUS_RATES = (48000,)
_BIT_RATE = 192_000
_UNSTEADY = Fraction(5, 1000)
"""Seconds between a packet's time and the end of the one before from which sound is encoded anew."""

TimedPackets: TypeAlias = "Iterator[tuple[Fraction, av.Packet[Any]]]"
"""Packets in order, each with its time in seconds."""


def add_sound(
    output: OutputContainer, audio: Audio, codec: Codec, duration: Fraction, inputs: ExitStack
) -> TimedPackets | None:
    """Add an audio stream to ``output``, cut to ``duration`` seconds.

    Args:
        inputs: keeps a source file open for as long as its packets are read.

    Returns:
        The stream's packets, or ``None`` (and no stream) if there is nothing to hear.

    Raises:
        InputError: the encoder does not take the sound.
    """
    if isinstance(audio, FileAudio) and audio.start == 0 and audio.duration is None:
        track = sound_track(audio)
        if not track.is_odd and codec.copies(track.codec, track.profile) and _is_steady(track):
            return _copied(output, track, inputs.enter_context(opened(track.path)), duration)
    blocks = sample_blocks(trimmed(audio, Fraction(0), duration) or audio)
    first = next(blocks, None)
    if first is None:
        return None
    return _encoded(output, chain([first], blocks), audio_format(audio), codec)


def _is_steady(track: SoundTrack) -> bool:
    """Whether packets follow each other without gaps, overlaps or drift, so that all players agree on their times."""
    expected: Fraction | None = None
    for packet in track.packets(Fraction(0)):
        if packet.pts is None or not packet.size or not packet.time_base:
            continue
        due = packet.pts * packet.time_base
        if expected is not None and abs(due - expected) > _UNSTEADY:
            return False
        context = packet.stream.codec_context
        if context.frame_size and context.sample_rate:  # durations are rounded to ticks
            expected = (due if expected is None else expected) + Fraction(context.frame_size, context.sample_rate)
        else:
            expected = due + (packet.duration or 0) * packet.time_base
    return True


def _copied(output: OutputContainer, track: SoundTrack, source: InputContainer, duration: Fraction) -> TimedPackets:
    target = output.add_stream_from_template(source.streams[track.index])

    def packets() -> TimedPackets:
        for packet in track.packets(Fraction(0)):
            if packet.pts is None or packet.dts is None or packet.time_base is None or packet.size == 0:
                continue
            shift = round(track.origin / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            time = packet.pts * packet.time_base
            if time >= duration:
                return
            packet.stream = target
            yield time, packet

    return packets()


def _encoded(output: OutputContainer, blocks: Iterator[Samples], form: AudioFormat, codec: Codec) -> TimedPackets:
    if form.channels not in LAYOUTS:
        raise InputError("audio", f"{form.channels} channels", f"1 to {max(LAYOUTS)} channels")
    layout = LAYOUTS[form.channels]
    rates = {"aac": _AAC_RATES, "libopus": _OPUS_RATES}.get(codec.audio_encoder)
    rate = form.sample_rate if rates is None or form.sample_rate in rates else 48000
    target: Any = output.add_stream(codec.audio_encoder, rate=rate, layout=layout)
    if codec.audio_encoder == "flac":
        target.codec_context.format = "s32"  # holds 24 bits, its first choice would be 16
    else:
        target.bit_rate = _BIT_RATE
    try:
        target.codec_context.open()
    except av.error.FFmpegError as error:
        found, allowed = f"{form.channels} channels at {rate} Hz", f"what {codec.audio_encoder} can encode"
        raise InputError("audio", found, allowed, "Choose another codec, or resample the sound.") from error

    def packets() -> TimedPackets:
        position = 0
        for block in blocks:
            packed = np.ascontiguousarray(block.T).reshape(1, -1)  # PyAV miscounts the planes of 8 channels
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = (form.sample_rate, position, Fraction(1, form.sample_rate))
            position += block.shape[1]
            yield from _timed(target.encode(frame))
        yield from _timed(target.encode(None))

    return packets()


def _timed(packets: list[av.Packet[Any]]) -> TimedPackets:
    for packet in packets:
        assert packet.time_base is not None
        yield (packet.pts or 0) * packet.time_base, packet
