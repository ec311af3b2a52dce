"""Boxes around people, which stand still or move smoothly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..motion.figure import BODY_PARTS, HANDS, BodyPart, Pixels, figure_parts
from ..motion.motion import ALL, Keypoints, Motion, chosen
from ..video.stream import VideoInfo
from .calm import Places, calmest
from .crop import Corners, Crop, Size

Path: TypeAlias = Literal["steady", "follow"]
"""How a box goes with people: it stands still through a shot, or moves with them."""

PATHS: tuple[str, ...] = get_args(Path)

Extents: TypeAlias = npt.NDArray[np.float64]
"""Left, top, right and bottom of people in each frame, in pixels ``(frames, 4)``; NaN where nobody is."""

_BEYOND = 0.06  # body scales: how far hair, hands and feet go beyond capsules
_MULTIPLE = 8  # of which sides of frames are that become latents
_FINGERS = 0.3  # body scales from wrist to where fingers end, of hands that were not looked for
_LEEWAY = 0.015  # by how much a box that follows is larger than people ever are, so that it need not go at their pace
_HAND_OF = {BODY_PARTS[hand].parent: hand for hand in HANDS}
_LARGEST = 4096  # pixels: side of a cropped frame


@dataclass(frozen=True)
class CropSettings:
    """How a crop is laid.

    Attributes:
        path: see ``Path``.
        margin: room around people, as a share of the box's longer side.
        size: a cropped frame has as many pixels as a square of this side, in the shape that people need.
        width, height: of cropped frames; 0 for both leaves it to ``size``.
        person: who is meant, from 0; or ``ALL``.
    """

    path: Path = "steady"
    margin: float = 0.05
    size: int = 512
    width: int = 0
    height: int = 0
    person: int = ALL

    def __post_init__(self) -> None:
        if self.path not in PATHS:
            raise InputError("path", repr(self.path), ", ".join(PATHS))
        if not 0 <= self.margin <= 1:
            raise InputError("margin", f"{self.margin:g}", "0 to 1")
        if (self.width > 0) != (self.height > 0):
            found = f"{self.width} x {self.height}"
            raise InputError("width, height", found, "both above 0, or both 0", "With 0 for both, size counts.")
        for name, value in (("size", self.size), ("width", self.width), ("height", self.height)):
            if value > _LARGEST or value < 0 or 0 < value < _MULTIPLE:
                raise InputError(name, str(value), f"{_MULTIPLE} to {_LARGEST}")


def crop_around(motions: Sequence[Motion], info: VideoInfo, settings: CropSettings, cuts: Sequence[int] = ()) -> Crop:
    """A crop that holds people in every frame, of one size for the whole clip.

    Args:
        motions: of the people who are to be inside: as the clip shows them, and as an edit moves them.
        info: of the clip.
        settings: how it is laid.
        cuts: frames at which shots begin: there the box may jump.

    Raises:
        InputError: nobody is in any frame, the motion has not as many people, or another number of frames than the
            clip.
    """
    _check_person(settings.person, motions)
    extents = _joined([_extents(motion, info, settings.person) for motion in motions])
    if np.isnan(extents).all():
        raise InputError("motion", "nobody in any frame", "a motion with somebody in it")
    shots = list(pairwise((0, *cuts, info.frame_count)))
    wholes = np.concatenate([_whole_of(extents[first:end]) for first, end in shots])
    if settings.path == "steady":
        extents = wholes
    extents = np.concatenate([_without_gaps(extents[first:end]) for first, end in shots])
    frame = info.width, info.height
    box, room = _box(extents, wholes, frame, settings)
    middles = np.concatenate([_middles(extents[first:end], room, box, frame) for first, end in shots])
    corners = np.clip(middles - np.array(box) / 2, 0, np.subtract(frame, box))
    corners = corners.round() if settings.path == "steady" else corners
    return Crop(corners, box, frame, _size(box, settings), info.frame_rate, info.region)


def _check_person(person: int, motions: Sequence[Motion]) -> None:
    most = max(motion.people for motion in motions)
    if person != ALL and person >= most:
        raise InputError("person", str(person + 1), f"0 for everybody, or 1 to {most}, as the motion has")


def _extents(motion: Motion, info: VideoInfo, person: int) -> Extents:
    if motion.frame_count != info.frame_count:
        found, allowed = f"{motion.frame_count} frames", f"{info.frame_count}, as the video has"
        raise InputError("motion", found, allowed, "A motion can be retimed behind the crop.")
    return np.array([_extent(people[chosen(person)], (info.width, info.height)) for people in motion.keypoints])


def _extent(people: Keypoints, frame: Size) -> list[float]:
    """What of a frame people take, ``(left, top, right, bottom)``."""
    parts = figure_parts(people, frame)
    if not parts:
        return [np.nan] * 4
    ends = [(end, radius + _BEYOND * part.scale) for part in parts for end, radius in part.ends]
    ends += [(_finger_ends(part), _BEYOND * part.scale) for part in parts if _lacks_hand(part, parts)]
    least = np.min([end - reach for end, reach in ends], axis=0)
    most = np.max([end + reach for end, reach in ends], axis=0)
    inside = np.clip([*least, *most], 0, [*frame, *frame])
    return [float(value) for value in inside]


def _lacks_hand(part: BodyPart, parts: Sequence[BodyPart]) -> bool:
    """Whether it is a forearm at whose end no hand was told."""
    hand = _HAND_OF.get(part.kind)
    return hand is not None and all(other.key != (part.person, hand) for other in parts)


def _finger_ends(forearm: BodyPart) -> Pixels:
    """Where a hand ends that goes on as its forearm does."""
    along = forearm.end - forearm.start
    return np.asarray(forearm.end + _FINGERS * forearm.scale * along / max(float(np.hypot(*along)), 1e-6))


def _joined(several: Sequence[Extents]) -> Extents:
    stacked = np.stack(several)
    return np.concatenate((_ignoring(np.fmin, stacked[..., :2]), _ignoring(np.fmax, stacked[..., 2:])), axis=1)


def _whole_of(extents: Extents) -> Extents:
    """The same for all frames: what people take in any."""
    whole = [*_ignoring(np.fmin, extents[:, :2]), *_ignoring(np.fmax, extents[:, 2:])]
    return np.tile(np.array(whole), (len(extents), 1))


def _ignoring(choose: np.ufunc, values: Extents) -> Extents:
    """Least or most of what is known."""
    return np.asarray(choose.reduce(values, axis=0))


def _without_gaps(extents: Extents) -> Extents:
    """Where nobody is, what lies between the frames around; of a shot without anybody all stays unknown."""
    known = np.flatnonzero(~np.isnan(extents[:, 0]))
    if not len(known):
        return extents
    frames = np.arange(len(extents))
    return np.stack([np.interp(frames, known, column[known]) for column in extents.T], axis=1)


def _box(extents: Extents, wholes: Extents, frame: Size, settings: CropSettings) -> tuple[Size, Corners]:
    """Width and height of a box that holds what people take in any frame, and margin; and its part without margin."""
    people, whole = (np.nanmax(one[:, 2:] - one[:, :2], axis=0) for one in (extents, wholes))
    margin = settings.margin * people.max()
    needed = np.minimum(people * (1 + _LEEWAY), whole) + 2 * margin
    if settings.width:
        shape = np.array((settings.width, settings.height))
        needed = shape * (needed / shape).max()
        needed *= min(1.0, (np.array(frame) / needed).min())
    width, height = (min(int(np.ceil(side)), most) for side, most in zip(needed, frame, strict=True))
    box = np.maximum((width, height), 1)
    return (int(box[0]), int(box[1])), np.maximum(box - 2 * margin, np.minimum(box, people))


def _middles(extents: Extents, room: Corners, box: Size, frame: Size) -> Corners:
    """Where the middle of the box is in each frame of a shot ``(frames, 2)``; without anybody that of the frame."""
    if np.isnan(extents).any():
        return np.tile(np.array(frame) / 2, (len(extents), 1))
    axes = [
        _middles_along(extents[:, axis], extents[:, axis + 2], room[axis], box[axis], frame[axis]) for axis in (0, 1)
    ]
    return np.stack(axes, axis=1)


def _middles_along(first: Places, last: Places, room: float, box: int, frame: int) -> Places:
    """The same across or down, where people reach from ``first`` to ``last``."""
    middle = (first + last) / 2
    if (middle == middle[0]).all():
        return middle
    play = np.abs(room - (last - first)) / 2  # people inside the room or, larger than it, around it
    bounds = np.clip((middle - play, middle + play), box / 2, frame - box / 2)
    return calmest(*bounds)


def _size(box: Size, settings: CropSettings) -> Size:
    """Width and height of a cropped frame, of the box's shape but for rounding."""
    if settings.width:
        return _rounded(settings.width), _rounded(settings.height)
    factor = settings.size / np.sqrt(box[0] * box[1])
    return _rounded(box[0] * factor), _rounded(box[1] * factor)


def _rounded(side: float) -> int:
    return max(round(side / _MULTIPLE), 1) * _MULTIPLE
