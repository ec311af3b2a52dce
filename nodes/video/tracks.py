"""One track of a file: its packets, on the clip's own clock, from any time on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from .container import opened

Integers: TypeAlias = npt.NDArray[np.int64]

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""FFmpeg's channel layouts by the number of channels."""

LONGEST_REORDER = 10
"""Seconds between decoding and showing a picture that are out of the question."""
_EARLIER = (0, 1, 3, 10, 100)
"""Seconds before a time at which a place to start is looked for, one after the other."""
_FROM_THE_START = 1
"""Seconds up to which seeking gains nothing."""


def due(packet: av.Packet[Any]) -> int | None:
    """When a packet is to be shown, in ticks; by its time of decoding if nothing else is known.

    Where a clock jumps FFmpeg may give the last picture before a time after the jump.
    """
    pts, dts = packet.pts, packet.dts
    if pts is None or dts is None or packet.time_base is None:
        return dts if pts is None else pts
    return pts if abs(pts - dts) * packet.time_base < LONGEST_REORDER else dts


@dataclass(frozen=True)
class Joint:
    """A byte of the file from which the time stamps are of another clock, and the seconds that make them continue."""

    position: int
    shift: Fraction


@dataclass(frozen=True, eq=False, repr=False)
class Anchors:
    """Packets that decoding can start at, in ascending order: presentation times in ticks, and byte positions."""

    times: Integers
    positions: Integers

    def has(self, time: int) -> bool:
        """Whether one of them is due at that time."""
        number = int(np.searchsorted(self.times, time))
        return number < len(self.times) and int(self.times[number]) == time


@dataclass(frozen=True)
class Track:
    """A stream of a file.

    Attributes:
        index: of the stream.
        origin: the time stamp, in seconds, that counts as 0.
        joints: where its clock jumps, ascending.
        anchors: where FFmpeg can only guess which byte a time is at.
        guide: index of the stream by whose key frames a time is found, where that is another.
    """

    path: Path
    index: int
    origin: Fraction
    joints: tuple[Joint, ...] = ()
    anchors: Anchors | None = field(default=None, compare=False)
    guide: int | None = None

    def packets(
        self, start: Fraction, preroll: Fraction = Fraction(0), on_error: Callable[[str], None] = lambda _: None
    ) -> Iterator[av.Packet[Any]]:
        """Packets from one at or before ``start`` to the end; the first can be decoded without those before it.

        Their stamps are on one clock: jumps are taken out, the origin is not.

        Args:
            start: seconds from the origin.
            preroll: seconds before ``start`` that a decoder needs to get going.
            on_error: is told why nothing more could be read, if the file ends early.
        """
        wanted = start - preroll
        if wanted > _FROM_THE_START:
            for earlier in _EARLIER:
                with opened(self.path) as container:
                    found = self._found(container, wanted - earlier, wanted)
                    if found:
                        yield from self._readable(found, on_error)
                        return
        with opened(self.path) as container:
            yield from self._readable(self._demuxed(container), on_error)

    def _found(self, container: InputContainer, time: Fraction, wanted: Fraction) -> Iterator[av.Packet[Any]] | None:
        """The packets from ``time`` on, if the first is really one to start at and due by ``wanted``."""
        if time <= _FROM_THE_START:
            return None
        try:
            if self.anchors is not None:
                return self._at_anchor(container, self.anchors, time)
            guide = container.streams[self.index if self.guide is None else self.guide]
            container.seek(int((time + self.origin) / (guide.time_base or Fraction(1, 1000))), stream=guide)
            packets = self._demuxed(container)
            first = next((packet for packet in packets if packet.pts is not None), None)
        except av.error.FFmpegError:
            return None
        if first is None or not first.is_keyframe or self.time(first) > wanted:
            return None
        return chain([first], packets)

    def _at_anchor(
        self, container: InputContainer, anchors: Anchors, time: Fraction
    ) -> Iterator[av.Packet[Any]] | None:
        stream = container.streams[self.index]
        ticks = int((time + self.origin) / (stream.time_base or Fraction(1, 1000)))
        number = int(np.searchsorted(anchors.times, ticks, side="right")) - 1
        if number < 0:
            return None
        position = int(anchors.positions[number])
        container.seek(position, unsupported_byte_offset=True)
        packets = self._demuxed(container, position)
        for packet in packets:
            if packet.pts is None or not packet.is_keyframe:
                continue
            if packet.pts > ticks:
                break
            # FFmpeg may make up the stamps of what it meets first: only one that the survey knows is right.
            if anchors.has(packet.pts):
                return chain([packet], packets)
        return None

    def _demuxed(self, container: InputContainer, position: int = 0) -> Iterator[av.Packet[Any]]:
        """The packets from here on, whose first is at byte ``position``, on one clock."""
        stream = container.streams[self.index]
        starts = [joint.position for joint in self.joints]
        for packet in container.demux(stream):
            position = position if packet.pos is None else packet.pos
            if starts:
                packet.pts = due(packet)
            number = bisect_right(starts, position)
            if number and packet.time_base:
                shift = round(self.joints[number - 1].shift / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts + shift
                packet.dts = None if packet.dts is None else packet.dts + shift
            yield packet

    def _readable(self, packets: Iterator[av.Packet[Any]], on_error: Callable[[str], None]) -> Iterator[av.Packet[Any]]:
        try:
            yield from packets
        except av.error.FFmpegError as error:
            on_error(str(error.strerror or error))

    def time(self, packet: av.Packet[Any]) -> Fraction:
        """When a packet that has a time stamp is due, in seconds from the origin."""
        assert packet.pts is not None and packet.time_base is not None
        return packet.pts * packet.time_base - self.origin


@dataclass(frozen=True)
class AudioFormat:
    """Samples per second, and channels."""

    sample_rate: int
    channels: int


@dataclass(frozen=True)
class SoundTrack(Track):
    """A track that can be heard.

    Attributes:
        format: that of the first sound in it; what comes in another is brought to it.
        codec: FFmpeg's name, e.g. ``aac``.
        profile: of the codec, e.g. ``LC``; empty where it has none.
        is_odd: whether its channels are in an order of their own: the decoder is to be told the usual one.
    """

    format: AudioFormat = AudioFormat(48000, 2)
    codec: str = ""
    profile: str = ""
    is_odd: bool = False
