"""A clip without its people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..errors import InputError
from ..masks.person_masks import Mask
from ..opencv import cv2
from ..video.read_forward import ReadForward
from ..video.stream import CHUNK, Frames, FrameStream, Picture, VideoInfo
from .hidden import distance_beyond, hidden_places, masks_in_time
from .place import REACH, Place, Shot, near
from .plate import BinaryMask, inpainted, median_plate
from .seam import colours_taken

Box: TypeAlias = tuple[slice, slice]
"""Rows and columns of a frame."""

Sample: TypeAlias = tuple[Picture, BinaryMask]
"""A frame, and where it shows the place."""

_AROUND = 0.04  # of the longer side: room around people in which colours are compared
_LOOKS = 5  # at every place, of a moving camera


@dataclass(frozen=True)
class CleanSettings:
    """How people are taken out.

    Attributes:
        margin: how far around a mask the place is laid, as a share of the frame's longer side.
        match: 0..1, how far the place takes the light that each frame has around people.
    """

    margin: float = 0.01
    match: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 0.25:
            raise InputError("margin", f"{self.margin:g}", "0 to 0.25 of the frame's longer side")
        if not 0 <= self.match <= 1:
            raise InputError("match", f"{self.match:g}", "0 to 1")


class CleanStream(FrameStream):
    """A clip with its place laid over people, made while it is read.

    Farther from them than the margin every pixel is the clip's, bit for bit.

    Args:
        source: the clip.
        masks: grey frames of its shape, at any size and frame rate, white where people are.
        place: what was found out about the clip.
        settings: see ``CleanSettings``.
    """

    def __init__(self, source: FrameStream, masks: FrameStream, place: Place, settings: CleanSettings) -> None:
        self.source, self.masks, self.place, self.settings = source, masks, place, settings
        self.info, self.audio = source.info, source.audio

    def content(self) -> object:
        return self.source, self.masks, self.settings

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        masks = masks_in_time(self.masks, self.info)
        shots = iter(self.place.shots)
        shot, number = next(shots), 0
        samples = ReadForward(self._samples())
        behind = self._behind(shot, samples)
        for chunk in self.source.chunks(size):
            made = chunk.copy()
            for frame, mask in zip(made, masks, strict=False):
                if number == shot.camera.end:
                    shot = next(shots)
                    behind = self._behind(shot, samples)
                self._clean(frame, mask, number, behind)
                number += 1
            yield made

    def _samples(self) -> Iterator[Sample | None]:
        """What shows the place where the camera moves, in the order of all frames; nothing for the others."""
        wanted = {number for shot in self.place.shots if not shot.plate for number in shot.samples}
        size, frames = (self.info.width, self.info.height), (frame for chunk in self.source.chunks() for frame in chunk)
        for number, (frame, mask) in enumerate(zip(frames, masks_in_time(self.masks, self.info), strict=False)):
            yield (frame, ~hidden_places(mask, size, self.settings.margin)) if number in wanted else None

    def _behind(self, shot: Shot, samples: ReadForward[Sample | None]) -> _StandingPlate | _MovingPlate:
        return _StandingPlate(shot) if shot.plate else _MovingPlate(shot, self.info, samples)

    def _clean(self, frame: Picture, mask: Mask, number: int, behind: _StandingPlate | _MovingPlate) -> None:
        """Lay the place over people."""
        height, width = frame.shape[:2]
        margin = self.settings.margin * max(width, height)
        distance = distance_beyond(mask, (width, height))
        box = _box_around(distance <= margin, round(_AROUND * max(width, height)))
        if box is None:
            return
        # One at the mask, none at the end of the margin.
        share = np.clip(2 - 2 * distance[box] / max(margin, 1.0), 0, 1)
        below = frame[box]
        above = behind.picture(number, box, below, share == 0)
        field = colours_taken(above, below, share, self.settings.match)
        apart = cv2.add(cv2.subtract(above, below, dtype=cv2.CV_32F), field)
        cv2.add(below, cv2.multiply(apart, cv2.merge([share] * 3)), dst=below, dtype=cv2.CV_8U)


class _StandingPlate:
    """What lies behind people, of a camera that stands still."""

    def __init__(self, shot: Shot) -> None:
        picture = np.asarray(cv2.imdecode(np.frombuffer(shot.plate, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        self._plate = np.ascontiguousarray(picture[..., ::-1])

    def picture(self, number: int, box: Box, frame: Picture, clear: BinaryMask) -> Picture:
        """The place in a box of a frame, which itself shows it where it is clear."""
        return np.ascontiguousarray(self._plate[box])


class _MovingPlate:
    """What lies behind people, of a camera that moves: from frames around, in which it is seen."""

    def __init__(self, shot: Shot, info: VideoInfo, samples: ReadForward[Sample | None]) -> None:
        self._shot, self._size, self._rate, self._samples = shot, (info.width, info.height), info.frame_rate, samples

    def picture(self, number: int, box: Box, frame: Picture, clear: BinaryMask) -> Picture:
        """The place in a box of a frame, which itself shows it where it is clear."""
        self._samples.forget_before(number - round(REACH * self._rate))
        looks, seen = [frame], [clear]
        count = clear.astype(int)
        count[clear] = _LOOKS
        for other in near(self._shot, number, self._rate):
            if other == number:
                continue
            picture, there = self._seen_from(number, other, box)
            if not (there & (count < _LOOKS)).any():
                continue
            looks.append(picture)
            seen.append(there)
            count += there
            if (count >= _LOOKS).all():
                break
        return inpainted(*median_plate(looks, seen))

    def _seen_from(self, number: int, other: int, box: Box) -> tuple[Picture, BinaryMask]:
        """What a sample shows of the box, and where."""
        sample = self._samples.at(other)
        assert sample is not None
        rows, columns = box
        size = columns.stop - columns.start, rows.stop - rows.start
        shift = np.array([(1, 0, -columns.start), (0, 1, -rows.start), (0, 0, 1)], float)
        move = shift @ self._shot.camera.move(number, other, self._size)
        picture = cv2.warpPerspective(sample[0], move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        there = cv2.warpPerspective(sample[1].astype(np.uint8), move, size, flags=cv2.INTER_NEAREST)
        return np.asarray(picture, np.uint8), np.asarray(there > 0)


def _box_around(places: BinaryMask, room: int) -> Box | None:
    """What holds all of some places with room around, inside the frame; ``None`` without any."""
    rows, columns = (np.flatnonzero(places.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    inside = [
        slice(max(int(found[0]) - room, 0), min(int(found[-1]) + 1 + room, most))
        for found, most in zip((rows, columns), places.shape, strict=True)
    ]
    return inside[0], inside[1]
