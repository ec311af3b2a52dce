"""Whether all parts of a joined recording have the tracks that are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from av.container import InputContainer

from ..errors import InputError
from .container import codec_name, kinds_of, opened
from .survey import Packets, Survey

_BRIEF = 1
"""Seconds up to which a track may be of no account: one picture, a piece of sound."""

_ALIKE = {"mp1": "mp2", "mp3": "mp2", "mpeg1video": "mpeg2video"}
"""Codecs that the decoder of another reads as well."""


class _Track(NamedTuple):
    """``number`` stays the same when other tracks come and go; ``codec`` is empty if unknown."""

    number: int
    kind: str
    codec: str


class _Change(NamedTuple):
    """What is different from byte ``position`` on."""

    position: int
    text: str


def require_same_tracks(path: Path, found: Survey, pictures: int, sound: int | None) -> None:
    """Refuse a recording that goes on with what the decoders of its beginning cannot read.

    Args:
        pictures, sound: indices of the tracks that are read.

    Raises:
        InputError: a part of it has these tracks in another codec, or others instead of them.
    """
    read = [index for index in (pictures, sound) if index is not None and index in found.streams]
    if pictures not in read:
        return
    with opened(path) as container:
        file_format, tracks = container.format.name, _tracks(container)
    for change in _changes(path, file_format, found, tracks, read):
        main = found.streams[pictures]
        before = main.part(main.positions < change.position).end - main.begin
        raise InputError(
            "file",
            f"{path.name!r}, which is joined of different recordings: from {float(before):.1f} s on {change.text}",
            "one whose parts have the same tracks in the same codecs",
            "Convert the parts to one format and join them again, or load them one by one.",
        )


def _changes(
    path: Path, file_format: str, found: Survey, tracks: Sequence[_Track], read: Sequence[int]
) -> Iterator[_Change]:
    def seen_from(position: int) -> list[_Track]:
        try:
            with opened(path, position, file_format) as container:
                return _tracks(container)
        except InputError:  # nothing that tells of tracks
            return []

    joints = [joint.position for joint in found.joints]
    for own in read:
        yield from _running_instead(found, tracks, own)
    for position, end in pairwise((*joints, sys.maxsize)):
        there = seen_from(position)
        for own in read:
            yield from _other_track(tracks[own], there, position)
            if _between(found.streams[own], position, end).lasts > _BRIEF:  # of less FFmpeg guesses the codec
                yield from _other_codec(tracks[own], there, position)
    for position in sorted(_ends([found.streams[index] for index in read], joints)):
        there = seen_from(position)
        for own in read:
            yield from _other_track(tracks[own], there, position)


def _running_instead(found: Survey, tracks: Sequence[_Track], own: int) -> Iterator[_Change]:
    """Tracks of the kind of ``own`` that run only where that does not."""
    for index, packets in found.streams.items():
        if tracks[index].kind != tracks[own].kind or packets.lasts <= _BRIEF:
            continue
        first, last = int(packets.positions[0]), int(packets.positions[-1])
        if not len(_between(found.streams[own], first, last)):
            yield _Change(first, f"its {tracks[own].kind} is in another track ({tracks[index].codec})")


def _ends(read: Sequence[Packets], joints: Sequence[int]) -> set[int]:
    """Positions of the last packets before each joint and before the end, of one track or of all."""
    parts = [_between(packets, 0, border) for border in (*joints, sys.maxsize) for packets in read]
    return {int(packets.positions.max()) for packets in parts if len(packets)}


def _other_track(own: _Track, there: Sequence[_Track], position: int) -> Iterator[_Change]:
    others = [track.codec for track in there if track.kind == own.kind]
    if others and own.number not in [track.number for track in there]:
        yield _Change(position, f"its {own.kind} is in another track ({others[0]})")


def _other_codec(own: _Track, there: Sequence[_Track], position: int) -> Iterator[_Change]:
    for track in there:
        if track.number == own.number and track.codec and _decoded_alike(track.codec) != _decoded_alike(own.codec):
            yield _Change(position, f"its {own.kind} is {track.codec}, not {own.codec}")


def _decoded_alike(codec: str) -> str:
    return _ALIKE.get(codec, codec)


def _between(packets: Packets, first: int, end: int) -> Packets:
    return packets.part((packets.positions >= first) & (packets.positions < end))


def _tracks(container: InputContainer) -> list[_Track]:
    kinds = kinds_of(container)
    return [_Track(int(one.id), kinds[one.index], codec_name(container, one)) for one in container.streams]
