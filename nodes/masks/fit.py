"""Masks fitted to the edges and colours of what is seen.

A model's masks are coarse: a place between legs is filled in one frame and open in the next. Around every place, a
linear function of colour tells best how much of a pixel is the person; frames around have their say in it, so that
what the model takes for the person once, against what it says of the same colours before and after, is put right.
This is the guided filter (He, Sun and Tang, "Guided image filtering", PAMI 2013) with windows that reach over time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..opencv import cv2
from ..video.read_forward import ReadForward
from ..video.stream import FrameStream
from .person_masks import Mask, PersonMasks, packed, unpacked

Grid: TypeAlias = npt.NDArray[np.float32]
"""Values at coarse places ``(rows, columns[, values])``."""

_AROUND = 2  # frames before and after that have a say; the nearer the more
_WINDOW = 0.06  # of a person's size: how far windows reach
_CELLS = 3  # places of the coarse grid that this is
_FINEST = 256  # most places along the longer side
_NEAR = 2  # places beyond the model's masks where somebody may be
_STEEP = 1e-5  # of colour's variance, 0..1: less is noise, which tells nothing
_LIGHT = 1e-3  # of it: what may change from frame to frame
_USUAL = 9.0  # squared standard deviations
_UNSURE = 1e-4  # of a mask's variance: less is nothing to explain
_LEAST = 0.02  # of the say of a window that explains all
_OWN = 0.2  # the share of the model's own mask
_CONTRAST = 4.0  # windows that straddle an outline make it soft
_ANOTHER_SHOT = 0.15  # of 0..1, mean difference of colours: a frame that differs by more has no say
_SIZES_OF = 16  # frames that tell how large people are
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # of colours


def fitted(masks: PersonMasks, stream: FrameStream, on_frame: Callable[[], object] = lambda: None) -> PersonMasks:
    """Masks that follow the picture. Who was missed in a frame or two is found by their colours around it.

    Args:
        masks: as a model gave them.
        stream: the frames that it saw; read once, a few in memory.
        on_frame: called after every frame; may raise to stop.
    """
    size = _typical_size(masks)
    if not size:
        return masks
    shape = _grid_shape(masks.info.width, masks.info.height, size)
    looks = ReadForward(_looks(masks, stream, shape))
    made = []
    for frame, own in enumerate(masks.packed):
        looks.forget_before(frame - _AROUND)
        around = range(max(frame - _AROUND, 0), min(frame + _AROUND + 1, masks.info.frame_count))
        told = [(looks.at(at), _AROUND + 1 - abs(at - frame)) for at in around]
        made.append([_fitted(looks.at(frame), told, person) for person in range(len(own))])
        on_frame()
    return PersonMasks(masks.info, made)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A person in a frame.

    Attributes:
        mask: the model's.
        near: the same on the coarse grid, 0..1.
        means: over windows: of the mask, its square and its products with colours.
    """

    mask: Mask
    near: Grid
    means: Grid


@dataclass(frozen=True, eq=False)
class _Look:
    """A frame and who is in it.

    Attributes:
        frame: RGB.
        means: over windows: of red, green, blue, 0..1, and of the products of ``_PAIRS``.
        people: by person; ``None`` for who was not seen.
    """

    frame: npt.NDArray[np.uint8]
    means: Grid
    people: Sequence[_Seen | None]


def _typical_size(masks: PersonMasks) -> float:
    """Side in pixels of a square as large as people usually are; 0 where nobody is."""
    frames = np.linspace(0, masks.info.frame_count - 1, _SIZES_OF).astype(int)
    areas = [unpacked(one).mean() / 255 for frame in frames for one in masks.packed[frame] if one]
    return float(np.sqrt(np.median(areas) * masks.info.width * masks.info.height)) if areas else 0.0


def _grid_shape(width: int, height: int, size: float) -> tuple[int, int]:
    """Columns and rows of the coarse grid."""
    step = max(_WINDOW * size / _CELLS, max(width, height) / _FINEST, 1.0)
    return max(round(width / step), 1), max(round(height / step), 1)


def _looks(masks: PersonMasks, stream: FrameStream, shape: tuple[int, int]) -> Iterator[_Look]:
    frames = (frame for chunk in stream.chunks() for frame in chunk)
    for frame, people in zip(frames, masks.packed, strict=True):
        colours = _coarse(frame, shape)
        products = [colours[..., one] * colours[..., other] for one, other in _PAIRS]
        seen = [_seen(unpacked(one), colours) if one else None for one in people]
        yield _Look(frame, _windowed(np.dstack((colours, *products))), seen)


def _seen(mask: Mask, colours: Grid) -> _Seen:
    near = _coarse(mask, (colours.shape[1], colours.shape[0]))
    return _Seen(mask, near, _windowed(np.dstack((near, near * near, colours * near[..., None]))))


def _coarse(picture: npt.NDArray[np.uint8], shape: tuple[int, int]) -> Grid:
    return np.asarray(cv2.resize(picture, shape, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def _windowed(planes: Grid) -> Grid:
    """The mean over the window around each place."""
    side = 2 * _CELLS + 1
    return np.asarray(cv2.blur(planes, (side, side), borderType=cv2.BORDER_REFLECT))


def _fitted(here: _Look, told: Sequence[tuple[_Look, int]], person: int) -> bytes:
    """The mask of one person; empty where they are not seen around either."""
    alike = [(look, weight) for look, weight in told if person < len(look.people) and _is_alike(look, here)]
    seen = [(look.means, one, weight) for look, weight in alike if (one := look.people[person]) is not None]
    if not seen:
        return b""
    weights = np.array([weight for _, _, weight in seen], np.float32)
    weights /= weights.sum()
    colours = _summed([means for means, _, _ in seen], weights)
    people = _summed([one.means for _, one, _ in seen], weights)
    own = here.people[person]
    if own is not None:
        near = own.near
    else:
        near = np.max([one.near for _, one, _ in seen], axis=0) * _is_known(here.means, colours)
    mask = _by_colour(here.frame, _colour_function(colours, people, near), own.mask if own else None)
    return packed(mask) if mask.any() else b""


def _summed(planes: Sequence[Grid], weights: Grid) -> Grid:
    return np.asarray(np.tensordot(weights, np.stack(planes), 1))


def _is_alike(look: _Look, other: _Look) -> bool:
    """Whether two frames may be of one shot."""
    return float(np.abs(look.means[..., :3] - other.means[..., :3]).mean()) < _ANOTHER_SHOT


def _is_known(here: Grid, told: Grid) -> npt.NDArray[np.bool_]:
    """Where a frame has colours that are usual for the windows of others."""
    apart = here[..., :3] - told[..., :3]
    return np.asarray((apart * np.linalg.solve(_spread(told, _LIGHT), apart[..., None])[..., 0]).sum(axis=-1) < _USUAL)


def _spread(colours: Grid, least: float) -> Grid:
    """The covariance of colours in each window ``(rows, columns, 3, 3)``, and a least variance."""
    mean = colours[..., :3]
    spread = np.empty((*mean.shape, 3), np.float32)
    for place, (one, other) in enumerate(_PAIRS):
        spread[..., one, other] = spread[..., other, one] = colours[..., 3 + place] - mean[..., one] * mean[..., other]
    return np.asarray(spread + np.float32(least) * np.eye(3, dtype=np.float32))


def _colour_function(colours: Grid, people: Grid, near: Grid) -> Grid:
    """What red, green, blue and 1 count for at each coarse place; nothing far from every mask.

    The mean of what all windows around say, each by the share of the mask's variance that it explains: where somebody
    stands before something of their own colour, the windows beside know better.
    """
    mean, part = colours[..., :3], people[..., 0]
    common = people[..., 2:] - mean * part[..., None]
    slope = np.linalg.solve(_spread(colours, _STEEP), common[..., None])[..., 0]
    offset = part - (slope * mean).sum(axis=-1)
    explained = (slope * common).sum(axis=-1) / np.maximum(people[..., 1] - part * part, _UNSURE)
    say = np.clip(explained, _LEAST, 1)[..., None]
    summed = _windowed(np.dstack((slope * say, offset[..., None] * say, say)).astype(np.float32))
    side = 2 * _NEAR + 1
    reached = cv2.dilate((near > 0.5).astype(np.float32), np.ones((side, side), np.uint8))
    return np.asarray(summed[..., :4] / summed[..., 4:] * reached[..., None])


def _by_colour(picture: npt.NDArray[np.uint8], function: Grid, own: Mask | None) -> Mask:
    """The mask of a frame, worked out where the function says anything."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    scale = np.divide(mask.shape, function.shape[:2])
    told: npt.NDArray[np.bool_] = np.any(function, axis=2)
    rows, columns = (_reach(np.asarray(told.any(axis=1 - axis)), scale[axis]) for axis in (0, 1))
    frame = cv2.cvtColor(np.ascontiguousarray(picture[rows, columns]), cv2.COLOR_RGB2RGBA).astype(np.float32)
    down, across = scale
    # Pixels to coarse places, both at their middles.
    places = np.array(
        [
            [1 / across, 0, (columns.start + 0.5) / across - 0.5],
            [0, 1 / down, (rows.start + 0.5) / down - 0.5],
        ]
    )
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(function, places, frame.shape[1::-1], flags=way, borderMode=cv2.BORDER_REPLICATE)
    found = np.clip(cv2.transform(cv2.multiply(frame, fine), np.full((1, 4), 1 / 255)), 0, 1)  # opacity is the 1
    if own is not None:
        found = (1 - _OWN) * found + np.float32(_OWN / 255) * own[rows, columns]
    mask[rows, columns] = np.clip(((found - 0.5) * _CONTRAST + 0.5) * 255, 0, 255).round()
    return mask


def _reach(told: npt.NDArray[np.bool_], step: float) -> slice:
    """The pixels of those coarse places between which something is told, and of one more on either side."""
    places = np.flatnonzero(told)
    if not len(places):
        return slice(0, 1)
    first, last = max(places[0] - 1, 0), min(places[-1] + 2, len(told))
    return slice(int(first * step), int(np.ceil(last * step)))
