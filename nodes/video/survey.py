"""What all packets of a file say of time, found by reading it through once without decoding."""

from __future__ import annotations

import logging
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from .container import has_jumping_clock, opened
from .tracks import LONGEST_REORDER, Anchors, Integers, Joint

logger = logging.getLogger(__name__)

# FFmpeg's program takes the same for a jump of the clock (ts_discontinuity_detect): what is less is a gap.
_BACK, _AHEAD = 0.1, 10.0
_REORDERED = 1.0
"""Seconds by which stamps may go back where only those of presentation are known."""
_ANCHOR_SECONDS = 0.5
_UNKNOWN = -(2**63)


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of one stream in the order of the file, one element each; times in ticks of ``time_base``.

    Attributes:
        positions: bytes; packets that begin inside of another have its position.
        stamps: when they are due to be shown.
        decoded: when they are due to be decoded.
        lasting: how long they are shown, 0 where the file does not say.
        keys: whether decoding can start at them.
        told: whether time of showing and position are their own: not those of others, and not made up.
    """

    time_base: Fraction
    positions: Integers
    stamps: Integers
    decoded: Integers
    lasting: Integers
    keys: npt.NDArray[np.bool_]
    told: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def begin(self) -> Fraction:
        """When the first of them is due, in seconds."""
        return int(self.stamps.min()) * self.time_base if len(self) else Fraction(0)

    @property
    def end(self) -> Fraction:
        """When the last of them has been shown, in seconds."""
        return int((self.stamps + self.lasting).max()) * self.time_base if len(self) else Fraction(0)

    @property
    def lasts(self) -> Fraction:
        """Seconds from the first to the end of the last."""
        return self.end - self.begin

    def part(self, which: npt.NDArray[np.bool_]) -> Packets:
        """Some of them."""
        times = (self.positions[which], self.stamps[which], self.decoded[which], self.lasting[which])
        return Packets(self.time_base, *times, self.keys[which], self.told[which])

    def moved(self, joints: Sequence[Joint]) -> Packets:
        """The same on one clock."""
        numbers = np.searchsorted([joint.position for joint in joints], self.positions, side="right")
        shifts = np.array([0, *(round(joint.shift / self.time_base) for joint in joints)], np.int64)[numbers]
        return replace(self, stamps=self.stamps + shifts, decoded=self.decoded + shifts)


@dataclass(frozen=True)
class Survey:
    """All packets of a file.

    Attributes:
        streams: those of each stream, on one clock.
        joints: where that of the file jumps.
        is_jumping: whether it is of a format that may.
        promised: seconds that the file's header says it has; 0 where it says nothing.
    """

    streams: Mapping[int, Packets] = field(default_factory=dict)
    joints: tuple[Joint, ...] = ()
    is_jumping: bool = False
    promised: Fraction = Fraction(0)

    @property
    def end(self) -> Fraction:
        """When the last packet of all has been shown, in seconds."""
        return max((packets.end for packets in self.streams.values() if len(packets)), default=Fraction(0))

    @property
    def begin(self) -> Fraction:
        """When the first packet of all is due, in seconds."""
        return min(
            (self.first(index) * packets.time_base for index, packets in self.streams.items()), default=Fraction(0)
        )

    def first(self, index: int) -> int:
        """The first time stamp of a stream, in ticks."""
        return int(self.streams[index].stamps.min(initial=2**62))

    def anchors(self, index: int) -> Anchors | None:
        """Where to start in a stream, if FFmpeg cannot find the byte of a time by itself."""
        if not self.is_jumping or index not in self.streams:
            return None
        packets = self.streams[index]
        packets = packets.part(packets.keys & packets.told)
        order = np.argsort(packets.stamps, kind="stable")
        times, positions = packets.stamps[order], packets.positions[order]
        # Every sound is one to start at.
        slots = times // max(int(_ANCHOR_SECONDS / packets.time_base), 1)
        first = np.flatnonzero(np.diff(slots, prepend=slots[:1] - 1)) if len(slots) else slots
        return Anchors(times[first], positions[first])


def survey(path: Path, main: Sequence[int]) -> Survey:
    """Read all packets of a file.

    Args:
        main: the streams by which a jump of the clock is told, the first of which then continues without a gap.
    """
    logs: defaultdict[int, _Log] = defaultdict(_Log)
    with opened(path) as container:
        is_jumping = has_jumping_clock(container)
        promised = Fraction(container.duration or 0, av.time_base) if not is_jumping else Fraction(0)
        try:
            for packet in container.demux():
                if packet.size and not packet.is_discard:
                    logs[packet.stream_index].add(packet)
        except av.error.FFmpegError as error:
            logger.debug("reading %s stopped: %s", path.name, error)
        bases = {stream.index: stream.time_base or Fraction(1, 1000) for stream in container.streams}
    streams = {index: log.packets(bases[index]) for index, log in logs.items()}
    if not is_jumping:
        return Survey(streams, promised=promised)
    joints = _joints([streams[index] for index in main if index in streams])
    moved = {index: packets.moved(joints) for index, packets in streams.items()}
    return Survey(moved, joints, is_jumping=True)


class _Log:
    """Columns that grow, a row per packet."""

    def __init__(self) -> None:
        self._columns = [array("q") for _ in range(5)]
        self._add = [column.append for column in self._columns]

    def add(self, packet: av.Packet[Any]) -> None:
        position, stamp, decoded, lasting, key = self._add  # a loop would take twice the time
        pos, pts, dts = packet.pos, packet.pts, packet.dts
        position(_UNKNOWN if pos is None else pos)
        stamp(_UNKNOWN if pts is None else pts)
        decoded(_UNKNOWN if dts is None else dts)
        lasting(packet.duration or 0)
        key(packet.is_keyframe)

    def packets(self, time_base: Fraction) -> Packets:
        positions, stamps, decoded, lasting, keys = (np.array(column, np.int64) for column in self._columns)
        own = positions != _UNKNOWN
        # A packet without a position lies in the one before it.
        last = np.maximum.accumulate(np.where(own, np.arange(len(positions)), 0))
        positions = np.maximum(positions[last], 0)
        both = (stamps != _UNKNOWN) & (decoded != _UNKNOWN)
        far = both & (np.abs(stamps - np.where(both, decoded, stamps)) * float(time_base) >= LONGEST_REORDER)
        told = own & (stamps != _UNKNOWN) & ~far
        if not both.any() and (stamps == _UNKNOWN).all():  # a stream without a container
            stamps = decoded = np.cumsum(lasting) - lasting
        stamps = np.where((stamps == _UNKNOWN) | far, decoded, stamps)
        decoded = np.where(decoded == _UNKNOWN, stamps, decoded)
        timed = stamps != _UNKNOWN
        return Packets(time_base, positions, stamps, decoded, lasting, keys.astype(bool), told).part(timed)


@dataclass(frozen=True)
class _Jump:
    """Somewhere behind byte ``low`` and up to ``high``."""

    low: int
    high: int

    def meets(self, other: _Jump) -> bool:
        return max(self.low, other.low) < min(self.high, other.high)


def _joints(streams: Sequence[Packets]) -> tuple[Joint, ...]:
    """Where the clock of all streams jumps, and by how much each part is to be moved to follow the one before."""
    joints: list[Joint] = []
    borders = _borders(streams)
    spans = zip([-1, *borders], [*borders, None], strict=True)
    parts = [[_between(packets, begin, end) for packets in streams] for begin, end in spans]
    end = Fraction(0)
    for number, part in enumerate(parts):
        main = next((packets for packets in part if len(packets)), None)
        if main is None:
            continue
        begin = int(main.stamps.min()) * main.time_base
        shift = end - begin if number else Fraction(0)
        if number:
            joints.append(Joint(borders[number - 1], shift))
        end = main.end + shift
    return tuple(joints)


def _between(packets: Packets, first: int, end: int | None) -> Packets:
    inside = packets.positions >= first
    return packets.part(inside if end is None else inside & (packets.positions < end))


def _borders(streams: Sequence[Packets]) -> list[int]:
    """Byte positions at which the clock of every stream jumps that has packets on both sides."""
    jumps = [_jumps(packets) for packets in streams]
    borders: set[int] = set()
    for own, candidates in enumerate(jumps):
        for jump in candidates:
            others = [other for other in range(len(streams)) if other != own and _is_around(streams[other], jump)]
            meeting = [[candidate for candidate in jumps[other] if candidate.meets(jump)] for other in others]
            if all(meeting):
                borders.add(min([jump.high, *(candidate.high for found in meeting for candidate in found)]))
    return sorted(borders)


def _is_around(packets: Packets, jump: _Jump) -> bool:
    return bool(len(packets)) and packets.positions[0] <= jump.low and packets.positions[-1] >= jump.high


def _jumps(packets: Packets) -> Iterable[_Jump]:
    if len(packets) < 2:
        return []
    is_by_presentation = bool((packets.decoded == packets.stamps).all())
    steps = (packets.decoded[1:] - packets.decoded[:-1] - packets.lasting[:-1]) * float(packets.time_base)
    back = _REORDERED if is_by_presentation and not packets.keys.all() else _BACK
    at = np.flatnonzero((steps < -back) | (steps > _AHEAD))
    return [_Jump(int(packets.positions[i]), int(packets.positions[i + 1])) for i in at]
