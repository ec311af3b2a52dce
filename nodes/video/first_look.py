"""Which tracks of a file can really be decoded: what will fail is found when the file is opened."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
from av.container import InputContainer

from ..errors import InputError
from .container import (
    decoder_of,
    described,
    dolby_vision_profile,
    kinds_of,
    odd_channels,
    opened,
    picture_tracks,
    sound_tracks,
)
from .notes import Note
from .older_pyav import is_encrypted, transfer_of
from .tracks import LAYOUTS, AudioFormat

logger = logging.getLogger(__name__)

_DOLBY_VISION_ONLY = 5
"""The profile whose pictures no other decoder shows right."""
_WRONG_COLOURS = (
    "it is Dolby Vision profile 5: its colours come out wrong, as only Dolby's decoders know them. "
    "Convert it to HDR10 or SDR first."
)
_PATIENCE = 50
"""Packets in a row that may be damaged before a track of sound is given up."""


@dataclass(frozen=True)
class Pictures:
    """A video track and the first picture of it that can be decoded; ``start`` is in ticks, if the file tells it."""

    index: int
    frame: av.VideoFrame
    codec: str
    time_base: Fraction
    start: int | None
    rate: Fraction | None
    aspect: Fraction
    transfer: int


@dataclass(frozen=True)
class Sound:
    """An audio track, and the format of the first sound in it.

    ``is_odd`` says that its channels are in an order of their own, for which the usual one is to be put.
    """

    index: int
    format: AudioFormat
    codec: str
    profile: str
    is_odd: bool


class _Undecodable(Exception):
    """Why a track is passed over, and what to do about it."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(reason)


def first_pictures(path: Path, note: Note) -> Pictures:
    """The video track that a player would take, of those that can be decoded.

    Raises:
        InputError: there is none; says what is there instead.
    """
    reasons: list[str] = []
    remedies: list[str] = []
    for index in _indices(path):
        try:
            pictures = _pictures(path, index, note)
        except _Undecodable as reason:
            reasons.append(str(reason))
            remedies.append(reason.remedy)
            continue
        if reasons:
            note("track", f"its video {' and '.join(reasons)}: another track is taken")
        return pictures
    found = f"{path.name!r}, whose video {' and '.join(reasons)}"
    raise InputError("file", found, "a video of 1 frame or more that FFmpeg can decode", remedies[0])


def _indices(path: Path) -> list[int]:
    with opened(path) as container:
        tracks = picture_tracks(container)
        if tracks:
            return [track.index for track in tracks]
        kinds = {kind or "something unknown" for kind in kinds_of(container).values()} or {"nothing"}
        kinds = {"cover art" if kind == "video" else kind for kind in kinds}
    found = f"{path.name!r}, which holds {' and '.join(sorted(kinds))} but no video"
    raise InputError("file", found, "a file with a video stream")


def _pictures(path: Path, index: int, note: Note) -> Pictures:
    with opened(path) as container:
        stream = cast(av.VideoStream, container.streams[index])
        _require_decoder(container, stream)
        decoder = decoder_of(stream)
        frame = _first_frame(container, stream, decoder)
        if dolby_vision_profile(container, stream, frame) == _DOLBY_VISION_ONLY:
            note("Dolby Vision", _WRONG_COLOURS)
        return Pictures(
            index,
            frame,
            stream.codec_context.codec.canonical_name,
            stream.time_base or Fraction(1, 1000),
            stream.start_time if stream.start_time is not None else frame.pts,
            stream.average_rate or stream.guessed_rate,
            stream.sample_aspect_ratio or Fraction(1),
            transfer_of(frame, decoder.color_trc),
        )


def first_sound(path: Path, note: Note) -> Sound | None:
    """The audio track that a player would take, of those that can be heard; ``None`` without any."""
    with opened(path) as container:
        indices = [track.index for track in sound_tracks(container)]
    reasons: list[str] = []
    for index in indices:
        try:
            sound = _sound(path, index)
        except _Undecodable as reason:
            reasons.append(str(reason))
            continue
        if sound is None:
            continue
        if reasons:
            note("sound", f"its sound {' and '.join(reasons)}: another track is taken")
        return sound
    if reasons:
        note("sound", f"its sound {' and '.join(reasons)}: it is left out")
    return None


def _sound(path: Path, index: int) -> Sound | None:
    """``None`` if there is no sound in it, just the track."""
    with opened(path) as container:
        stream = container.streams[index]
        if not any(packet.size for packet in _readable(container, stream)):
            return None
    with opened(path) as container:
        stream = container.streams[index]
        _require_decoder(container, stream)
        context: Any = stream.codec_context
        odd = odd_channels(container, stream)
        if odd and not (odd in LAYOUTS and context.codec.canonical_name.startswith("pcm")):
            raise _Undecodable(f"has {odd} channels in an order of its own, which cannot be read")
        if odd:
            context.layout = LAYOUTS[odd]
        frame = _first_frame(container, stream, context, _PATIENCE)
        channels = frame.layout.nb_channels
        if channels not in LAYOUTS:
            raise _Undecodable(f"has {channels} channels, more than the {max(LAYOUTS)} that are read")
        form = AudioFormat(frame.sample_rate, channels)
        return Sound(index, form, context.codec.canonical_name, context.profile or "", bool(odd))


def _require_decoder(container: InputContainer, stream: Any) -> None:
    if stream.codec_context is None:
        reason = f"is {described(container, stream)}, which no decoder here can read"
        raise _Undecodable(reason, "Convert it to H.264 first.")


def _first_frame(container: InputContainer, stream: Any, decoder: Any, patience: int = sys.maxsize) -> Any:
    """The first frame that ``decoder`` makes of a track; up to ``patience`` packets may be damaged before it."""
    damaged = 0
    for packet in _readable(container, stream):
        if is_encrypted(packet):
            raise _Undecodable("is encrypted", "It plays only where it was bought for: take a copy without a lock.")
        try:
            frames = decoder.decode(packet)
        except av.error.FFmpegError:
            damaged += 1
            if damaged == patience:
                break
            continue
        if frames:
            return frames[0]
    reason = f"({described(container, stream)}) has nothing that can be decoded"
    raise _Undecodable(reason, "If it was cut short while it was recorded, copied or uploaded: do that again.")


def _readable(container: InputContainer, stream: Any) -> Iterator[av.Packet[Any]]:
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError as error:
        logger.debug("reading %s stopped: %s", container.name, error)
