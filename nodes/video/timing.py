"""When the pictures of a file are shown: what its packets say, whatever its header claims."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.error
import numpy as np
from av.container import InputContainer

from .container import opened
from .notes import Note
from .rates import usual_rate
from .survey import Packets, Survey
from .tracks import Integers

_WHOLE = 0.9
"""Share of what a header promises from which a file counts as whole."""
_HOLD = 3
"""Times the usual step from which a picture is held, rather than late."""
_FASTEST = 240
"""Frames per second; steps between pictures that ask for more are taken for faults."""


@dataclass(frozen=True)
class Timing:
    """Times of pictures.

    Attributes:
        count: pictures.
        end: when the last has been shown, in ticks.
        steps: ticks that each is shown for, in order.
        is_vfr: whether these differ by more than a tenth.
    """

    count: int
    end: int
    steps: Integers
    is_vfr: bool


def indexed_timing(path: Path, index: int, note: Note) -> Timing | None:
    """Timing from the index of an MP4 or MOV, without reading the whole file.

    Returns:
        ``None`` where there is no index, or it promises more than the file holds (which is noted).
    """
    with opened(path) as container:
        stream = cast(av.VideoStream, container.streams[index])
        if "mp4" not in container.format.name or not stream.frames:
            return None
        entries = list(stream.index_entries)
        size = path.stat().st_size
        present = sum(entry.pos + entry.size <= size for entry in entries)
        if present < len(entries):
            note("length", f"it is cut short: using the {present} frames there are of {len(entries)}")
        if len(entries) != stream.frames or present < len(entries):
            return None
        stamps = np.array([entry.timestamp for entry in entries if not entry.is_discard], np.int64)
        last = _last_packets(container, stream, int(stamps[-1])) if len(stamps) else []
    if not last:
        return None
    end, lasting = max(last)
    steps = np.append(np.diff(stamps), lasting)
    return Timing(len(stamps), end, steps, _is_variable(steps[:-1]))


def _last_packets(container: InputContainer, stream: av.VideoStream, stamp: int) -> list[tuple[int, int]]:
    """When the packets from the last key frame on have been shown, and how long they are, in ticks."""
    try:
        container.seek(stamp, stream=stream)
        return [
            (packet.pts + (packet.duration or 0), packet.duration or 0)
            for packet in container.demux(stream)
            if packet.pts is not None and not packet.is_discard
        ]
    except av.error.FFmpegError:
        return []


def surveyed_timing(found: Survey, pictures: int, sound: int | None, first: int) -> Timing:
    """Timing from all packets of a file, from time stamp ``first`` on.

    Args:
        pictures, sound: indices of the tracks that are used.
        first: ticks.
    """
    packets = found.streams.get(pictures)
    if packets is None:
        return Timing(1, first, np.empty(0, np.int64), is_vfr=False)
    packets = packets.part(packets.stamps >= first)
    if not len(packets):
        return Timing(1, first, np.empty(0, np.int64), is_vfr=False)
    order = np.argsort(packets.stamps, kind="stable")
    stamps, lasting = packets.stamps[order], packets.lasting[order]
    steps = np.diff(stamps)
    last = int(lasting[-1]) or (round(float(np.median(steps))) if len(steps) else 0)
    end = max(int(stamps[-1]) + last, int((stamps + lasting).max()))
    if sound is not None and sound in found.streams:
        end = _held_until(end, stamps, lasting, packets, found.streams[sound])
    steps = np.append(steps, end - stamps[-1])
    return Timing(len(stamps), end, steps, _is_variable(steps[:-1]))


def _held_until(end: int, stamps: Integers, lasting: Integers, packets: Packets, sound: Packets) -> int:
    """The end of pictures whose own durations are not how long they are shown.

    A recording of a screen has a picture only where something changes, and each says it lasts for one of the recorder's
    frames. As in a player the last one stays while there is sound, for as long as one has stayed before.
    """
    steps = np.diff(stamps)
    if not len(steps) or not lasting[:-1].all() or (steps <= _HOLD * lasting[:-1]).all():
        return end
    return max(end, min(int(sound.end / packets.time_base), int(stamps[-1] + steps.max())))


def note_missing(found: Survey, note: Note) -> None:
    """Note it if there is clearly less in a file than its header promises."""
    there = found.end - found.begin
    if there < _WHOLE * found.promised:
        text = f"its header promises {float(found.promised):.2f} s, and {float(there):.2f} s are there"
        note("length", f"{text}: it may have been cut short")


def frame_rate(timing: Timing, nominal: Fraction | None, time_base: Fraction) -> Fraction:
    """Frames per second while pictures keep coming, as the fraction that it stands for.

    A constant rate is what the file says it is, if its packets agree. Of a variable one it is the average but for
    pictures that are held, rounded to a common rate within 1 %.
    """
    steps = timing.steps[timing.steps > 0]
    if not len(steps):
        return Fraction(nominal or 25)
    usual = steps[steps <= _HOLD * np.quantile(steps, 0.25)]
    average = min(1 / (Fraction(int(usual.sum()), len(usual)) * time_base), Fraction(_FASTEST))
    if timing.is_vfr or not nominal or abs(nominal - average) > average / 50:
        return usual_rate(average, 0.01)
    # Whole milliseconds (Matroska) cannot tell 29.97 from 30000/1001.
    return usual_rate(nominal) if time_base >= Fraction(1, 1000) else Fraction(nominal)


def _is_variable(steps: Integers) -> bool:
    """Whether steps differ by more than a tenth (Matroska rounds to whole milliseconds: one tick is always allowed)."""
    if not len(steps):
        return False
    return bool(steps.max() - steps.min() > max(float(np.median(steps)) / 10, 1))
