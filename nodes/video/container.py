"""Opening media files, and which of their tracks a player would take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import av
import av.codec
import av.error
import av.logging
from av.container import InputContainer
from av.stream import Disposition

from ..errors import InputError
from .geometry import side_data
from .literal import READ_OPTIONS, literal, part
from .older_pyav import LENIENT

S = TypeVar("S", av.VideoStream, av.AudioStream)

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_TIME_STAMPS_JUMP, _NO_BYTE_SEEK = 0x0200, 0x8000  # AVFMT_TS_DISCONT and AVFMT_NO_BYTE_SEEK of libavformat
_LOG_LEVEL = Lock()
"""Held by who changes FFmpeg's, which is one for the whole process."""
_DOLBY_VISION = ("dvh1", "dvhe", "dva1", "dvav", "dav1")
_NO_MOVIE = Disposition.attached_pic | Disposition.timed_thumbnails  # cover art, pictures to scrub by


@contextmanager
def opened(path: Path, position: int = 0, file_format: str | None = None) -> Iterator[InputContainer]:
    """Open a media file for reading; nothing but this one file is ever read.

    Args:
        position: byte that counts as its first.
        file_format: FFmpeg's name of it, where it is known.

    Raises:
        InputError: it is missing, empty or not a media file.
    """
    if not path.is_file():
        raise InputError("file", f"no file {path.name!r}", "a video file")
    if path.stat().st_size == 0:
        raise InputError("file", f"{path.name!r}, which is empty", "a video file", "Copy or upload it again.")
    try:
        name = literal(path) if not position else part(path, position)
        container = av.open(name, "r", file_format, container_options=dict(READ_OPTIONS), **LENIENT)
    except av.error.FFmpegError as error:
        raise InputError(
            "file",
            f"{path.name!r}, which FFmpeg cannot read ({error.strerror})",
            "a video file",
            "If it should be one, it was cut short while it was recorded, copied or uploaded: do that again.",
        ) from error
    with container:
        yield container


def picture_tracks(container: InputContainer) -> list[av.VideoStream]:
    """Its video tracks in the order in which a player would take them, without cover art and thumbnails."""
    return _by_preference(stream for stream in container.streams.video if not stream.disposition & _NO_MOVIE)


def sound_tracks(container: InputContainer) -> list[av.AudioStream]:
    """Its audio tracks in the order in which a player would take them."""
    return _by_preference(container.streams.audio)


def _by_preference(streams: Iterable[S]) -> list[S]:
    """Those marked as default before others, in their order; a track of one picture or packet is the last resort."""
    return sorted(streams, key=lambda stream: (stream.frames == 1, not stream.disposition & Disposition.default))


def kinds_of(container: InputContainer) -> dict[int, str]:
    """What each stream is, by its index: ``video``, ``audio``, ``subtitle``, ``data``, ``attachment``, or empty.

    PyAV before 17 ends the process where a stream of no known kind is asked.
    """
    streams = container.streams
    named = (
        ("video", streams.video),
        ("audio", streams.audio),
        ("subtitle", streams.subtitles),
        ("data", streams.data),
        ("attachment", streams.attachments),
    )
    return {stream.index: "" for stream in streams} | {one.index: kind for kind, some in named for one in some}


def decoder_of(stream: av.VideoStream) -> av.VideoCodecContext:
    """What decodes a track: of VP8 and VP9 with alpha Google's decoder, as FFmpeg's own leaves that out."""
    context = stream.codec_context
    name = _WITH_ALPHA.get(context.codec.canonical_name, "")
    if stream.metadata.get("alpha_mode") != "1" or name not in av.codec.codecs_available:
        return context
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    return decoder


def described(container: InputContainer, stream: Any) -> str:
    """A track's codec as FFmpeg tells it, e.g. ``h264 (High) (avc1)``, also of one that it has no decoder for."""
    return re.sub(r" / 0x\w+|^none ", "", _line(container, stream).split(", ")[0]) or "an unknown codec"


def codec_name(container: InputContainer, stream: Any) -> str:
    """A track's codec in one word, e.g. ``h264``, also of one that there is no decoder for; empty if unknown."""
    found = re.match(r"\w+", _line(container, stream))
    return "" if found is None or found[0] in ("none", "unknown") else found[0]


def odd_channels(container: InputContainer, stream: Any) -> int:
    """How many channels a track has, if they are in an order of their own; else 0.

    PyAV frees the list of such an order twice, which ends the process: none of its layouts may be looked at.
    """
    found = re.search(r", (\d+) channels \(", _line(container, stream))
    return int(found[1]) if found else 0


def _line(container: InputContainer, stream: Any) -> str:
    found = re.search(rf"Stream #0:{stream.index}\b.*?: (?:Video|Audio): ([^\n]*)", _dump(container))
    return found[1] if found else ""


def dolby_vision_profile(container: InputContainer, stream: av.VideoStream, frame: av.VideoFrame) -> int | None:
    """The profile of a track in Dolby Vision."""
    has_metadata = any("DOVI" in side.type.name for side in side_data(frame) or [])
    is_one = has_metadata or stream.codec_context.codec_tag in _DOLBY_VISION
    found = re.search(r"DOVI configuration record:.*?profile: (\d+)", _dump(container)) if is_one else None
    return int(found[1]) if found else None


def _dump(container: InputContainer) -> str:
    with _LOG_LEVEL:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)  # below it the text is empty
        try:
            text: str = container.dumps_format()  # type: ignore[attr-defined]
            return text
        finally:
            av.logging.set_level(level)


def has_jumping_clock(container: InputContainer) -> bool:
    """Whether time stamps of this format may jump, and places in it are found by byte (MPEG-TS and -PS)."""
    return container.format.flags & (_TIME_STAMPS_JUMP | _NO_BYTE_SEEK) == _TIME_STAMPS_JUMP
