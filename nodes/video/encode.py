"""Write a stream to a file: whole, or not at all."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar, cast
from uuid import uuid4

import av
import av.error
from av.container import OutputContainer

from ..errors import InputError
from ..thread_pool import thread_pool
from .codecs import Codec, codec_named
from .encodable import Encodable, encodable, padding
from .literal import literal, numbered
from .older_pyav import InvalidArgument
from .soundtrack import add_sound
from .stream import Audio, FrameStream, VideoInfo

T = TypeVar("T")

_BT709, _LIMITED, _FULL, _RGB = 1, 1, 2, 0  # ITU-T H.273, and FFmpeg's colour ranges
_TRANSFERS = {"bt709": _BT709, "srgb": 13}

_ISO = ("mp4", "mov")  # the containers that name codecs by four letters

_TOO_FEW_TO_REORDER = 2  # frames, of which libx265 with B-frames writes time stamps that it never set


@dataclass(frozen=True)
class EncodeSettings:
    """How a stream is encoded.

    Args:
        codec: a name in :data:`.codecs.CODECS`.
        quality: 0 (smallest file) to 100 (best picture); ``prores`` and ``lossless`` have only one.
        sound: whether the file gets the stream's sound.
        container: a name in :data:`.codecs.CONTAINERS`; ``None`` is the codec's usual one.
        crf: a constant rate factor on the encoder's own scale, in place of ``quality``.
        bit_depth: 8 or 10 bits for each colour.
        transfer: ``"bt709"`` or ``"srgb"``: what the file says of its brightness. Pictures are the same.
        intra: whether every frame stands for itself, so that players go to any at once.

    Raises:
        InputError: a value outside its range.
    """

    codec: str = "h264"
    quality: int = 75
    sound: bool = True
    container: str | None = None
    crf: float | None = None
    bit_depth: int = 8
    transfer: str = "bt709"
    intra: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.quality <= 100:
            raise InputError("quality", str(self.quality), "0 to 100")
        if self.transfer not in _TRANSFERS:
            raise InputError("transfer", repr(self.transfer), ", ".join(_TRANSFERS))
        self.row.encoder_options(self.quality, self.crf)

    @property
    def row(self) -> Codec:
        """The codec in this container and depth."""
        codec = codec_named(self.codec)
        return (codec.in_container(self.container) if self.container else codec).of_depth(self.bit_depth)

    @property
    def suffix(self) -> str:
        """The suffix of the files that this makes, e.g. ``.mp4``; empty where it makes a folder."""
        return self.row.suffix

    @property
    def is_sequence(self) -> bool:
        """Whether the result is a folder with a file for every frame."""
        return self.row.is_sequence


FRAME_NAME = "%06d.png"
"""Of a frame in a sequence; the first is 1."""

LOSSLESS = EncodeSettings("lossless")
"""RGB H.264 at quantizer 0 and copied or FLAC sound: every frame is read back bit for bit, at any size."""


def save(
    stream: FrameStream,
    target: Path | IO[bytes],
    settings: EncodeSettings = EncodeSettings(),
    audio: Audio | None = None,
    metadata: Mapping[str, str] | None = None,
    on_frames: Callable[[int], None] | None = None,
) -> None:
    """Encode a stream at its exact frame rate, as BT.709 limited-range YUV, with sound no longer than the pictures.

    Sound that comes untrimmed from a file is copied where the container takes it. An odd width or height is made even
    by repeating the last column or row, since 4:2:0 chroma needs that (``lossless`` keeps it).

    A GIF has a palette of 256 colours for every frame. A sequence is a folder of numbered files.

    Args:
        target: a file or folder, which appears under this name only once it is complete; or, for one file, a buffer.
        audio: in place of the stream's own.
        metadata: tags of the file.
        on_frames: is told how many frames were written, chunk by chunk; what it raises cancels.

    Raises:
        InputError: the encoder does not take pictures of this size.
        OSError: the file cannot be written; the message says how much space is left.
    """
    sound = (audio or stream.audio) if settings.sound and settings.row.has_sound else None
    if not isinstance(target, Path):
        _write(stream, target, settings, sound, metadata or {}, on_frames)
        return
    part = target.with_name(f".{target.stem}.{uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if settings.is_sequence:
            part.mkdir()
        _write(stream, part, settings, sound, metadata or {}, on_frames)
        os.replace(part, target)
    except OSError as error:
        free = shutil.disk_usage(next(folder for folder in target.parents if folder.is_dir())).free / 1e6
        message = f"could not save {target}: {error.strerror or error}; {free:.0f} MB are free there"
        raise OSError(error.errno, message) from error
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        elif part.exists():
            part.unlink()


def _write(
    stream: FrameStream,
    target: Path | IO[bytes],
    settings: EncodeSettings,
    audio: Audio | None,
    metadata: Mapping[str, str],
    on_frames: Callable[[int], None] | None,
) -> None:
    codec = settings.row
    # FFmpeg moves the index to the front by reading the file again, which it cannot do with a buffer.
    flags = "use_metadata_tags" + ("+faststart" if isinstance(target, Path) else "")
    step = codec.leaves_out(stream.info.frame_rate)
    rate = (stream.info.frame_rate / step).limit_denominator(100_000)  # a float's fraction may not fit FFmpeg's 32 bits
    options = {}
    if codec.container in _ISO:
        # The whole file's duration is counted in these, by default in milliseconds.
        ticks = rate.numerator * math.ceil(1000 / rate.numerator)
        options = {"movflags": flags, "movie_timescale": str(ticks)}
    file = _opened_as(target, codec)
    with ExitStack() as inputs, av.open(file, "w", format=codec.container, options=options) as output:
        output.metadata.update(metadata)
        video = _add_video(output, stream.info, rate, settings)
        sound = _Interleaved(output, add_sound(output, audio, codec, stream.info.duration, inputs) if audio else None)
        _start(output, video)
        written = _Written(output, video, sound, rate)
        # The encoder's thread ends before the source is closed, and that before the file is: nothing is at work then.
        with (
            closing(_closable(stream.chunks())) as frames,
            closing(_ahead(partial(written.add, chunk) for chunk in encodable(frames, codec, step))) as done,
        ):
            for read in done:
                if on_frames:
                    on_frames(read)
        written.finish()


def saved_size(info: VideoInfo, settings: EncodeSettings) -> tuple[int, int]:
    """Width and height of the pictures in the file."""
    return _size(info, settings.row)


def _size(info: VideoInfo, codec: Codec) -> tuple[int, int]:
    return info.width + padding(info.width, codec), info.height + padding(info.height, codec)


def _opened_as(target: Path | IO[bytes], codec: Codec) -> str | IO[bytes]:
    if not isinstance(target, Path):
        return target
    return numbered(target, FRAME_NAME) if codec.is_sequence else literal(target)


def _add_video(output: OutputContainer, info: VideoInfo, rate: Fraction, settings: EncodeSettings) -> av.VideoStream:
    codec = settings.row
    options = codec.encoder_options(settings.quality, settings.crf)
    video = cast(av.VideoStream, output.add_stream(codec.encoder, rate=rate, options=options))
    video.width, video.height = _size(info, codec)
    video.pix_fmt = codec.pixel_format
    video.time_base = video.codec_context.time_base = 1 / rate
    context = video.codec_context
    context.thread_type = "AUTO"  # as FFmpeg's program; PyAV's own choice, threads by slice, is slower
    if info.frame_count <= _TOO_FEW_TO_REORDER:
        context.max_b_frames = 0
    if settings.intra:
        context.gop_size = 1
    if codec.tag and codec.container in _ISO:
        context.codec_tag = codec.tag
    if codec.is_palette:
        return video
    context.color_range = _FULL if codec.is_rgb else _LIMITED
    context.colorspace = _RGB if codec.is_rgb else _BT709
    context.color_primaries, context.color_trc = _BT709, _TRANSFERS[settings.transfer]
    return video


def _start(output: OutputContainer, video: av.VideoStream) -> None:
    encoder = video.codec.name  # PyAV 19 forgets it when it fails
    try:
        output.start_encoding()
    except (InvalidArgument, av.error.ExternalError, av.error.InvalidDataError) as error:
        allowed = f"a size that {encoder} can encode"
        remedy = "Choose another size, or another codec: a png sequence takes any."
        raise InputError("video", f"{video.width} x {video.height} pixels", allowed, remedy) from error


def _closable(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items; closing it closes what they come from."""
    yield from items


def _ahead(work: Iterator[Callable[[], T]]) -> Generator[T, None, None]:
    """Results in order, each made in a thread while ``work``, which stays in this thread, gets to the next.

    None is begun before the result in front of it is there: after an error, or when this is left, no other follows.
    """
    coming: Future[T] | None = None
    with thread_pool(1, "encoding") as pool:
        for task in work:
            if coming:
                yield coming.result()
            coming = pool.submit(task)
        if coming:
            yield coming.result()


class _Written:
    """Encodes pictures into a file, and puts the sound up to there beside them."""

    def __init__(self, output: OutputContainer, video: av.VideoStream, sound: _Interleaved, rate: Fraction) -> None:
        self._output, self._video, self._sound, self._rate = output, video, sound, rate
        self._count = 0

    def add(self, chunk: Callable[[], Encodable]) -> int:
        """Append the next pictures; gives how many frames they stand for."""
        pictures, read = chunk()
        for picture in pictures:
            picture.pts, picture.time_base = self._count, 1 / self._rate
            self._output.mux(self._video.encode(picture))
            self._count += 1
        self._sound.advance(self._count / self._rate)
        return read

    def finish(self) -> None:
        """Append what the encoder still holds, and the rest of the sound."""
        self._output.mux(self._video.encode(None))
        self._sound.advance(None)


class _Interleaved:
    """Writes sound alongside the pictures, so that the muxer holds neither back."""

    def __init__(self, output: OutputContainer, packets: Iterator[tuple[Fraction, av.Packet[Any]]] | None) -> None:
        self._output = output
        self._packets = packets or iter(())
        self._next: tuple[Fraction, av.Packet[Any]] | None = None

    def advance(self, time: Fraction | None) -> None:
        """Write the packets before ``time`` seconds; all that are left for ``None``."""
        while True:
            self._next = self._next or next(self._packets, None)
            if self._next is None or (time is not None and self._next[0] >= time):
                return
            self._output.mux(self._next[1])
            self._next = None
