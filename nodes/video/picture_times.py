"""When the pictures of a file are shown: what its packets say, whatever its header claims."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer

from .container import opened
from .notes import Note
from .older_pyav import index_entries
from .rates import usual_rate
from .survey import Survey
from .tracks import Integers

_WHOLE = 0.9
"""Share of what a header promises from which a file counts as whole."""
_HOLD = 3
"""Times the usual step from which a picture is held, rather than late."""
_LAST = 64
"""Packets from the end among which is that which is shown last."""
_SLOWEST, _FASTEST = 12, 240
"""Frames per second of a variable rate with holds, and of any; steps that ask for more are taken for faults."""


@dataclass(frozen=True)
class Timing:
    """Times of pictures, in ticks.

    Attributes:
        steps: from each picture to the next; of the last, how long the file says it is shown.
        end: when the last has been shown.
    """

    steps: Integers
    end: int

    @property
    def count(self) -> int:
        """Pictures."""
        return len(self.steps)

    @property
    def is_vfr(self) -> bool:
        """Whether steps differ by more than a tenth (Matroska rounds to milliseconds: one tick is always allowed)."""
        steps = self.steps[:-1]
        return bool(len(steps) and steps.max() - steps.min() > max(float(np.median(steps)) / 10, 1))

    @property
    def usual_step(self) -> int:
        """The median of the steps that are no holds; 0 if there are none."""
        steps = self.steps[self.steps > 0]
        if not len(steps):
            return 0
        moving = np.sort(steps[steps <= _HOLD * np.quantile(steps, 0.25)])
        return int(moving[(len(moving) - 1) // 2])

    @property
    def has_holds(self) -> bool:
        """Whether some pictures stay for long, as in a recording of a screen that stores what changes."""
        return bool(len(self.steps) and self.steps.max() > _HOLD * self.usual_step)

    def held_until(self, sound_end: int) -> Timing:
        """The same with the last picture shown while there is sound, as a player does, but not longer than others."""
        last = self.end - int(self.steps[-1])
        return Timing(self.steps, max(self.end, min(sound_end, last + int(self.steps.max()))))


def indexed_timing(path: Path, pictures: int, sound: int | None, note: Note) -> Timing | None:
    """Timing from the index of an MP4 or MOV, without reading the whole file.

    Args:
        pictures, sound: indices of the tracks that are used.

    Returns:
        ``None`` where there is no index, or it promises more than the file holds (which is noted).
    """
    with opened(path) as container:
        stream: Any = container.streams[pictures]
        entries = list(index_entries(stream)) if "mp4" in container.format.name and stream.frames else []
        size = path.stat().st_size
        present = sum(entry.pos + entry.size <= size for entry in entries)
        if present < len(entries):
            note("length", f"it is cut short: using the {present} frames there are of {len(entries)}")
        stamps = np.array([entry.timestamp for entry in entries if not entry.is_discard], np.int64)
        last = _last_packet(container, stream) if len(entries) == stream.frames == present and len(stamps) else None
        if last is None:
            return None
        timing = Timing(np.append(np.diff(stamps), last[1] - last[0]), last[1])
        if sound is None or not timing.has_holds:
            return timing
        heard: Any = container.streams[sound]
        until = _last_packet(container, heard)
        return timing.held_until(int(until[1] * heard.time_base / stream.time_base)) if until else timing


def _last_packet(container: InputContainer, stream: Any) -> tuple[int, int] | None:
    """When the last packet of a track is due and when it has been shown, in ticks, as far as the file can be read."""
    entries = index_entries(stream)
    if not len(entries):
        return None
    try:
        container.seek(entries[max(len(entries) - _LAST, 0)].timestamp, stream=stream, any_frame=True)
        packets = [packet for packet in container.demux(stream) if packet.pts is not None and not packet.is_discard]
    except av.error.FFmpegError:
        return None
    spans = [(packet.pts, packet.pts + (packet.duration or 0)) for packet in packets if packet.pts is not None]
    return max(spans, default=None)


def surveyed_timing(found: Survey, pictures: int, sound: int | None, first: int) -> Timing:
    """Timing from all packets of a file, from time stamp ``first`` (in ticks) on."""
    if pictures not in found.streams:
        return Timing(np.zeros(1, np.int64), first)
    packets = found.streams[pictures]
    kept = packets.stamps >= first
    order = np.argsort(packets.stamps[kept], kind="stable")
    stamps, lasting = packets.stamps[kept][order], packets.lasting[kept][order]
    if not len(stamps):
        return Timing(np.zeros(1, np.int64), first)
    steps = np.diff(stamps)
    typical = int(np.median(steps)) if len(steps) else 0
    last = int(lasting[-1]) or typical
    timing = Timing(np.append(steps, last), int(stamps[-1]) + last)
    if sound is None or sound not in found.streams or not timing.has_holds:
        return timing
    return timing.held_until(int(found.streams[sound].end / packets.time_base))


def note_missing(found: Survey, note: Note) -> None:
    """Note it if there is clearly less in a file than its header promises."""
    there = found.end - found.begin
    if there < _WHOLE * found.promised:
        text = f"its header promises {float(found.promised):.2f} s, and {float(there):.2f} s are there"
        note("length", f"{text}: it may have been cut short")


def frame_rate(timing: Timing, nominal: Fraction | None, time_base: Fraction) -> Fraction:
    """Frames per second while pictures keep coming, as the fraction that it stands for.

    A constant rate is what the file says it is, if its packets agree. A variable one is the usual step from picture to
    picture, rounded to a common rate within 1 % (or a tick); with pictures that are held it is at least ``_SLOWEST``,
    so that what follows a hold is not late.
    """
    step = timing.usual_step
    if not step:
        return Fraction(nominal or 25)
    rate = min(1 / (step * time_base), Fraction(_FASTEST))
    if timing.is_vfr and timing.has_holds:
        rate = max(rate, Fraction(_SLOWEST))
    if timing.is_vfr or not nominal or abs(nominal - rate) > rate / 50:
        return usual_rate(rate, max(0.01, 1 / 2 / step))
    # Whole milliseconds (Matroska) cannot tell 29.97 from 30000/1001.
    return usual_rate(nominal) if time_base >= Fraction(1, 1000) else Fraction(nominal)
