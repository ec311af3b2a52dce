"""What a video file is, found out before the first frame is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .first_look import Pictures, Sound, first_pictures, first_sound
from .geometry import Orientation, orientation_of
from .notes import Note, log_note
from .picture_times import Timing, frame_rate, indexed_timing, note_missing, surveyed_timing
from .same_tracks import require_same_tracks
from .survey import Survey, survey
from .tracks import SoundTrack, Track

UNKNOWN = 2
"""Transfer characteristics of ITU-T H.273 that nobody tells."""

HDR_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}
"""Transfer characteristics of ITU-T H.273 that need tone mapping (PQ and HLG), by FFmpeg's names."""


@dataclass(frozen=True)
class SourceInfo:
    """The video track of a file that a player would take, as it is shown: upright, with square pixels.

    Attributes:
        frame_rate: of a variable rate the average while pictures keep coming, rounded to a common one within 1 %.
        duration: seconds from the first picture to the end of the last.
        origin: the time stamp of the first picture (which may be damaged), in seconds; every other time in this stage
            counts from there.
        transfer: characteristics of ITU-T H.273, those of the first picture.
        pictures, sound: the tracks to read; ``sound`` is ``None`` where there is nothing to hear.
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
    transfer: int
    is_vfr: bool
    pictures: Track
    sound: SoundTrack | None

    @property
    def is_hdr(self) -> bool:
        """Whether it needs tone mapping."""
        return self.transfer in HDR_TRANSFERS

    @property
    def has_audio(self) -> bool:
        """Whether there is sound that can be decoded, not just a track for it."""
        return self.sound is not None

    @property
    def rotation(self) -> int:
        """Degrees clockwise that the stored picture is turned by to be upright."""
        return self.orientation.degrees


def probe(path: Path, note: Note = log_note) -> SourceInfo:
    """Read a file's facts; one picture and a little sound are decoded.

    Times come from the index of an intact MP4 or MOV. Any other file is read through once without decoding: what is
    missing from a truncated one is not counted, and a clock that jumps is made to continue.

    Args:
        note: is told what is missing, passed over or put right.

    Raises:
        InputError: it is missing, empty, truncated before the first picture, has no video that can be decoded, or is
            joined of recordings with different tracks.
    """
    look, heard = first_pictures(path, note), first_sound(path, note)
    timing, found = indexed_timing(path, look.index, heard.index if heard else None, note), Survey()
    first = look.start or 0
    if timing is None:
        found = survey(path, [look.index, *([heard.index] if heard else [])])
        first = found.first(look.index) if found.joints else first
        timing = surveyed_timing(found, look.index, heard.index if heard else None, first)
        note_missing(found, note)
        if found.is_jumping:
            require_same_tracks(path, found, look.index, heard.index if heard else None)
        if found.joints:
            note("clock", "its time stamps jump, as in recordings that were joined: taken as one continuous clip")
    return _described(path, look, heard, timing, found, first)


def _described(
    path: Path, look: Pictures, heard: Sound | None, timing: Timing, found: Survey, first: int
) -> SourceInfo:
    frame, base = look.frame, look.time_base
    rate = frame_rate(timing, look.rate, base)
    duration = (timing.end - first) * base
    orientation = orientation_of(frame)
    width, height = max(round(frame.width * look.aspect), 1), frame.height
    origin = first * base
    return SourceInfo(
        path=path,
        codec=look.codec,
        width=height if orientation.swaps else width,
        height=width if orientation.swaps else height,
        coded_size=(frame.width, frame.height),
        orientation=orientation,
        frame_rate=rate,
        frame_count=timing.count,
        duration=duration if duration > 0 else timing.count / rate,
        origin=origin,
        transfer=look.transfer,
        is_vfr=timing.is_vfr,
        pictures=Track(path, look.index, origin, found.joints, found.anchors(look.index)),
        sound=_sound_track(path, look, heard, found, origin) if heard else None,
    )


def _sound_track(path: Path, look: Pictures, heard: Sound, found: Survey, origin: Fraction) -> SoundTrack:
    guide = look.index if found.streams else None  # an index knows the times of sound too
    where = (path, heard.index, origin, found.joints, found.anchors(heard.index), guide)
    return SoundTrack(*where, format=heard.format, codec=heard.codec, profile=heard.profile, is_odd=heard.is_odd)
