"""What a video file is, found out before the first frame is asked for."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition

from ..errors import InputError
from .geometry import Orientation, orientation_of
from .literal import READ_OPTIONS, literal
from .notes import Note, log_note
from .rates import usual_rate

logger = logging.getLogger(__name__)

HDR_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}
"""Transfer characteristics of ITU-T H.273 that need tone mapping (PQ and HLG), by FFmpeg's names."""


@dataclass(frozen=True)
class SourceInfo:
    """A file's first video stream, as it is shown: upright, with square pixels.

    ``origin`` is the time stamp of the first picture (which may be damaged), in seconds; every other time in this stage
    counts from there.
    ``frame_rate`` is the average of a variable rate, rounded to a common one where it is within 1 %.
    """

    path: Path
    codec: str
    width: int
    height: int
    coded_size: tuple[int, int]
    orientation: Orientation
    frame_rate: Fraction
    frame_count: int
    duration: Fraction
    origin: Fraction
    has_audio: bool
    is_hdr: bool
    is_vfr: bool

    @property
    def rotation(self) -> int:
        """Degrees clockwise that the stored picture is turned by to be upright."""
        return self.orientation.degrees


@dataclass(frozen=True)
class _Timing:
    count: int
    end: Fraction
    is_vfr: bool


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a media file for reading; nothing but this one file is ever read.

    Raises:
        InputError: it is missing, empty or not a media file.
    """
    if not path.is_file():
        raise InputError("file", f"no file {path.name!r}", "a video file")
    if path.stat().st_size == 0:
        raise InputError("file", f"{path.name!r}, which is empty", "a video file", "Copy or upload it again.")
    try:
        container = av.open(literal(path), "r", options=dict(READ_OPTIONS), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise InputError(
            "file",
            f"{path.name!r}, which FFmpeg cannot read ({error.strerror})",
            "a video file",
            "If it should be one, it was cut short while it was recorded, copied or uploaded: do that again.",
        ) from error
    with container:
        yield container


def video_stream(container: InputContainer) -> av.VideoStream:
    """The first video stream that is not cover art.

    Raises:
        InputError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    kinds = sorted({str(stream.type) for stream in container.streams}) or ["nothing"]
    found = f"{Path(container.name).name!r}, which holds {' and '.join(kinds)} but no video"
    raise InputError("file", found, "a file with a video stream")


def probe(path: Path, note: Note = log_note) -> SourceInfo:
    """Read a file's facts; one picture is decoded.

    The number of frames comes from the index of an intact MP4 or MOV. Any other file is read through once without
    decoding, so that what is missing from a truncated file is not counted.

    Args:
        note: is told if something is missing.

    Raises:
        InputError: it is missing, empty, truncated before the first picture, or has no video.
    """
    with opened(path) as container:
        stream = video_stream(container)
        frame = _first_frame(container, stream)
        time_base = stream.time_base or Fraction(1, 1000)
        first = stream.start_time if stream.start_time is not None else frame.pts or 0  # it may be damaged
        origin = first * time_base
        transfer = frame.color_trc
        rate = stream.average_rate or stream.guessed_rate
        timing = _indexed_timing(path, container, stream)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        codec = stream.codec_context.codec.canonical_name

    timing = timing or _demuxed_timing(path, first, note)
    duration = timing.end - origin
    if duration <= 0:
        duration = timing.count / Fraction(rate or 25)
    average = timing.count / duration
    orientation = orientation_of(frame)
    width, height = max(round(frame.width * aspect), 1), frame.height
    return SourceInfo(
        path=path,
        codec=codec,
        width=height if orientation.swaps else width,
        height=width if orientation.swaps else height,
        coded_size=(frame.width, frame.height),
        orientation=orientation,
        frame_rate=_frame_rate(rate, timing, average, time_base),
        frame_count=timing.count,
        duration=duration,
        origin=origin,
        has_audio=_has_audio(path),
        is_hdr=transfer in HDR_TRANSFERS,
        is_vfr=timing.is_vfr,
    )


def _first_frame(container: InputContainer, stream: av.VideoStream) -> av.VideoFrame:
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            if frames:
                assert isinstance(frames[0], av.VideoFrame)
                return frames[0]
    except av.error.FFmpegError as error:
        logger.debug("reading %s stopped: %s", container.name, error)
    name = Path(container.name).name
    raise InputError("file", f"{name!r}, in which no picture can be decoded", "a video of 1 frame or more")


def _indexed_timing(path: Path, container: InputContainer, stream: av.VideoStream) -> _Timing | None:
    """Timing from the index of an MP4 or MOV, or ``None`` where it is absent or promises more than the file holds."""
    if "mp4" not in container.format.name or not stream.frames or not stream.duration or stream.time_base is None:
        return None
    entries = list(stream.index_entries)
    if len(entries) != stream.frames or max(entry.pos + entry.size for entry in entries) > path.stat().st_size:
        return None
    end = (stream.start_time or 0) + stream.duration
    return _Timing(len(entries), end * stream.time_base, _is_variable([entry.timestamp for entry in entries]))


def _demuxed_timing(path: Path, first: int, note: Note) -> _Timing:
    """Timing from all packets of the file from time stamp ``first``."""
    stamps, ends = [], []
    with opened(path) as container:
        stream = video_stream(container)
        time_base = stream.time_base or Fraction(1, 1000)
        promised = stream.frames or round((container.duration or 0) * (stream.average_rate or 0) / av.time_base)
        try:
            for packet in container.demux(stream):
                stamp = packet.pts if packet.pts is not None else packet.dts
                if stamp is None or stamp < first or packet.size == 0:
                    continue
                stamps.append(stamp)
                ends.append(stamp + (packet.duration or 0))
        except av.error.FFmpegError as error:
            logger.debug("reading %s stopped: %s", path.name, error)
    if len(stamps) < promised * 0.9:
        note("length", f"it is cut short: using the {len(stamps)} frames there are of {promised}")
    stamps.sort()
    steps = [b - a for a, b in pairwise(stamps)]
    end = max(max(ends, default=first), stamps[-1] + round(statistics.median(steps)) if steps else first)
    return _Timing(max(len(stamps), 1), end * time_base, _is_variable(stamps))


def _is_variable(stamps: list[int]) -> bool:
    """Whether steps differ by more than a tenth (Matroska rounds to whole milliseconds: one tick is always allowed)."""
    steps = [b - a for a, b in pairwise(stamps)]
    if not steps:
        return False
    return max(steps) - min(steps) > max(statistics.median(steps) / 10, 1)


def _has_audio(path: Path) -> bool:
    """Whether there is any sound in the first audio stream, not just the stream."""
    with opened(path) as container:
        if not container.streams.audio:
            return False
        try:
            return any(packet.size for packet in container.demux(container.streams.audio[0]))
        except av.error.FFmpegError:
            return False


def _frame_rate(rate: Fraction | None, timing: _Timing, average: Fraction, time_base: Fraction) -> Fraction:
    if timing.is_vfr or not rate:
        return usual_rate(average, 0.01)
    # Whole milliseconds (Matroska) cannot tell 29.97 from 30000/1001.
    return usual_rate(rate) if time_base >= Fraction(1, 1000) else Fraction(rate)
