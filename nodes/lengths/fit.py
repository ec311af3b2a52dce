"""A clip at the rate and with the number of frames that a video model takes, and its result as long as the clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from ..errors import InputError
from ..video.audio import trimmed
from ..video.clip import open_clip
from ..video.decode import FileStream
from ..video.grid import ClipStream
from ..video.notes import Note, log_note
from ..video.picked import PickedStream, numbers_at_rate
from ..video.picture_stream import PictureStream
from ..video.stream import Audio, FileAudio, FrameStream
from .rule import LengthRule


@dataclass(frozen=True)
class Length:
    """How many frames a model is given, and how many of them the clip has.

    Attributes:
        available: frames of the clip.
        kept: of them, the first that the model is given; the last of them is held from there on.
        frames: that the model is given.
    """

    available: int
    kept: int
    frames: int


def fitted_length(available: int, rule: LengthRule, most: int = 0) -> Length:
    """The shortest length that holds a clip of so many frames; if that is more than ``most``, the longest below.

    Args:
        available: frames, 1 or more.
        most: 0 for no limit.

    Raises:
        InputError: ``most`` is negative.
    """
    if most < 0:
        raise InputError("most", str(most), "1 or more frames, or 0 for no limit")
    frames = rule.least_from(available)
    if most and frames > most:
        frames = rule.most_up_to(most)
    return Length(available, min(available, frames), frames)


@dataclass(frozen=True, eq=False)
class WayBack:
    """The value on a FRUGAL_LENGTH wire: what a clip was before it was fitted to a model.

    Attributes:
        frame_rate: at which the model is given frames.
        length: how many frames it is given.
        frames: how many of them are the clip's own; the others hold the last.
        duration: seconds of the clip that they stand for, exactly.
        source_rate: frames per second that the clip had.
        sound: of the clip, from its first frame on.
    """

    frame_rate: Fraction
    length: int
    frames: int
    duration: Fraction
    source_rate: Fraction
    sound: Audio | None = None


def fit(
    stream: FrameStream, rule: LengthRule, frame_rate: Fraction | None = None, most: int = 0, note: Note = log_note
) -> tuple[FrameStream, WayBack]:
    """A clip at another rate, as long as a model takes it.

    A clip that comes straight from its file is read anew at the rate, so that each frame is the one of the file that is
    nearest to its time. Of any other, frames are repeated or left out by the same rule.

    Args:
        stream: the clip.
        rule: of the model.
        frame_rate: frames per second; ``None`` is the clip's own.
        most: frames that the model takes at most; 0 for any number.
        note: is told what is left out.

    Raises:
        InputError: ``frame_rate`` is not above 0, or ``most`` is negative.
    """
    if frame_rate is not None and frame_rate <= 0:
        raise InputError("frame_rate", f"{float(frame_rate):g}", "more than 0 frames/s, or 0 for the video's own")
    rate = frame_rate or stream.info.frame_rate
    duration, sound = _source(stream)
    at_rate = _at_rate(stream, rate, note)
    numbers = numbers_at_rate(at_rate.info, rate)
    length = fitted_length(len(numbers), rule, most)
    if length.kept < length.available:
        duration = length.kept / rate
        sound = trimmed(sound, Fraction(0), duration)
        note("length", _left_out(length, rate))
    held = [numbers[length.kept - 1]] * (length.frames - length.kept)
    fitted = PickedStream(at_rate, [*numbers[: length.kept], *held], rate, sound)
    return fitted, WayBack(rate, length.frames, length.kept, duration, _own_rate(stream), sound)


def restore(frames: FrameStream, way_back: WayBack) -> FrameStream:
    """What a model has made of a fitted clip, as long as the clip and with its sound.

    Args:
        frames: as many as the model was given, or at least those that are the clip's own; more are left out.
        way_back: of the fitted clip.

    Raises:
        InputError: there are too few frames, or they are at another rate.
    """
    found, rate = frames.info, way_back.frame_rate
    if found.frame_rate != rate:
        remedy = "Connect the IMAGE itself, and interpolate behind this node, not in front of it."
        raise InputError("frames", f"{float(found.frame_rate):g} frames/s", f"{float(rate):g}, as fitted", remedy)
    if found.frame_count < way_back.frames:
        remedy = "Wire length to the node that makes the frames, and all frames that it makes to this one."
        allowed = f"{way_back.length}, as fitted, or at least the clip's own {way_back.frames}"
        raise InputError("frames", f"{found.frame_count} frames", allowed, remedy)
    return PickedStream(frames, range(way_back.frames), rate, way_back.sound, way_back.duration)


def _source(stream: FrameStream) -> tuple[Fraction, Audio | None]:
    """Seconds and sound of a clip; of one that is read from a file, before they were rounded to its frames."""
    if not isinstance(stream, ClipStream):
        return stream.info.duration, stream.audio
    sound = stream.audio
    if isinstance(sound, FileAudio) and sound.duration is not None:
        sound = replace(sound, duration=stream.seconds)
    return stream.seconds, sound


def _own_rate(stream: FrameStream) -> Fraction:
    return stream.source.frame_rate if isinstance(stream, FileStream) else stream.info.frame_rate


def _at_rate(stream: FrameStream, rate: Fraction, note: Note) -> FrameStream:
    """A clip read anew from its file, or as it is where that would change nothing, or is not there."""
    if not isinstance(stream, ClipStream) or isinstance(stream, PictureStream) or rate == stream.info.frame_rate:
        return stream
    return open_clip(stream.path, replace(stream.settings, frame_rate=rate), note)


def _left_out(length: Length, rate: Fraction) -> str:
    rest = length.available - length.kept
    return (
        f"{rest} of {length.available} frames are left out: the clip ends after {float(length.kept / rate):.2f} s, "
        f"{float(rest / rate):.2f} s early, as {length.frames} frames are the most that are allowed"
    )
