"""The decoded pictures of a file and their times, whatever state the file is in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.error

from .container import decoder_of
from .probe import SourceInfo


@dataclass
class Damage:
    """What was found broken in all that was read so far, by time stamp.

    Attributes:
        lost: pictures that did not come out of the decoder.
        after: pictures that did, but were patched up by the decoder, or refer to such or lost ones.
        end: why nothing more could be read, if the file ended early.
    """

    lost: set[int] = field(default_factory=set)
    after: set[int] = field(default_factory=set)
    end: str = ""

    def ended(self, reason: str) -> None:
        """Nothing more could be read."""
        self.end = reason

    def __str__(self) -> str:
        parts = []
        if self.lost:
            parts.append(f"{len(self.lost)} frames are damaged and cannot be decoded: their neighbours stand in")
        if self.after:
            parts.append(f"{len(self.after)} frames may show traces of damage")
        if self.end:
            parts.append(f"it ends early ({self.end})")
        return "; ".join(parts)


def decoded(
    source: SourceInfo, times: Sequence[Fraction], damage: Damage
) -> Generator[tuple[Fraction, av.VideoFrame], None, None]:
    """Frames and their times in ascending order, from at or before ``times[0]`` to the end of the file.

    Those that no other frame needs and that are nearest to none of ``times`` may be left out.

    Args:
        damage: is told what is found broken, when the reader stops or at the end.
    """
    reading = _Reading(source, times)
    try:
        for packet in source.pictures.packets(times[0], on_error=damage.ended):
            for frame in reading.frames_of(packet):
                time = reading.time_of(frame)
                if time is not None:
                    yield time, frame
        reading.is_over = True
    finally:
        reading.report(damage)


class _Reading:
    """One pass of the decoder through packets, in which some may be broken."""

    def __init__(self, source: SourceInfo, times: Sequence[Fraction]) -> None:
        self._source, self._times = source, times
        self._can_skip = source.codec == "h264" and not source.is_vfr
        self._reach = Fraction(3, 4) / source.frame_rate  # half a frame, and as much again for uneven time stamps
        self._decoder: av.VideoCodecContext | None = None
        self._first: int | None = None
        self._last = Fraction(-1)
        self._unit = Fraction(1)
        self._expected: set[int] = set()
        self._after: set[int] = set()
        self._failed = self._is_tainted = False
        self.is_over = False

    def frames_of(self, packet: av.Packet[av.VideoStream]) -> list[av.VideoFrame]:
        """Decode a packet; one that is broken, or empty (Theora's for a picture that stays), gives nothing."""
        if not packet.size and packet.pts is not None:
            return []
        assert packet.time_base is not None
        self._unit = packet.time_base
        if self._first is None:
            self._first = packet.pts
        if self._decoder is None:
            self._decoder = decoder_of(packet.stream)
            self._decoder.thread_type = "AUTO"
        if packet.pts is not None and packet.size:
            is_wanted = self._is_wanted(packet.pts * self._unit - self._source.origin)
            if self._can_skip:
                self._decoder.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            if is_wanted or not self._can_skip:
                self._expected.add(packet.pts)
        try:
            return self._decoder.decode(packet)
        except av.error.FFmpegError:
            self._failed = self._is_tainted = True
            return []

    def time_of(self, frame: av.VideoFrame) -> Fraction | None:
        """Seconds at which it is shown; ``None`` if it is to be left out."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None:
            self._last = max(self._last + 1 / self._source.frame_rate, Fraction(0))
            return self._last
        self._expected.discard(stamp)
        self._is_tainted = frame.is_corrupt or (self._is_tainted and not frame.key_frame)
        if self._is_tainted:
            self._after.add(stamp)
        time = stamp * self._unit - self._source.origin
        # After a seek, pictures shown before the key frame lack what they refer to.
        if (self._first is not None and stamp < self._first) or time <= self._last:
            return None
        self._last = time
        return time

    def report(self, damage: Damage) -> None:
        """Add what this pass has found."""
        damage.after |= self._after
        if self._failed:
            now = self._last + self._source.origin
            first = self._first or 0
            damage.lost |= {at for at in self._expected if first <= at and (self.is_over or at * self._unit < now)}

    def _is_wanted(self, time: Fraction) -> bool:
        after = bisect_left(self._times, time - self._reach)
        is_near = after < len(self._times) and self._times[after] <= time + self._reach
        return is_near or abs(time - self._times[-1]) <= 2 / self._source.frame_rate
