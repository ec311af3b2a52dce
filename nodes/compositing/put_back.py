"""Edited crops, back in the frames that they were cut out of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import InputError
from ..masks.steady import Distance, outline_distance
from ..opencv import cv2
from ..video.read_forward import ReadForward
from ..video.stream import CHUNK, Frames, FrameStream
from .crop import Crop, Size
from .cropped import scaled
from .fitting import check_lasts, check_shape
from .seam import colours_taken


@dataclass(frozen=True)
class SeamSettings:
    """How an edit ends.

    Attributes:
        feather: pixels of the source over which the edit gives way to it.
        match: 0..1, how far the edit takes the colours that the source has around it.
    """

    feather: float = 12.0
    match: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.feather <= 256:
            raise InputError("feather", f"{self.feather:g}", "0 to 256 pixels")
        if not 0 <= self.match <= 1:
            raise InputError("match", f"{self.match:g}", "0 to 1")


class PutBackStream(FrameStream):
    """An edit of cropped frames over the clip, at the clip's size and the edit's frame rate.

    Pixels outside of the masks are those of the clip, bit for bit. A few frames are in memory at a time.

    Args:
        edited: of the crop's shape; any size and frame rate.
        crop: by which the frames were cut out.
        source: what the edit is put over: the clip itself at any size and frame rate, or its clean plate.
        masks: grey frames of the crop's shape, any size and frame rate, white where the edit shows; ``None`` for
            everywhere.
        settings: of the seam.

    Raises:
        InputError: something has another shape, or ends earlier.
    """

    def __init__(
        self,
        edited: FrameStream,
        crop: Crop,
        source: FrameStream,
        masks: FrameStream | None = None,
        settings: SeamSettings | None = None,
    ) -> None:
        check_shape("frames", edited, crop.size)
        check_shape("source", source, crop.frame)
        check_lasts("source", source, edited.info.duration, "frames")
        if masks is not None:
            check_shape("masks", masks, crop.size)
            check_lasts("masks", masks, edited.info.duration, "frames")
        self.edited, self.crop, self.source, self.masks = edited, crop, source, masks
        self.settings = settings or SeamSettings()
        self.audio = edited.audio or source.audio
        self.info = replace(edited.info, width=source.info.width, height=source.info.height, region=source.info.region)

    def content(self) -> object:
        return self.edited, self.crop, self.source, self.masks, self.settings

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        source = ReadForward(frame for chunk in self.source.chunks() for frame in chunk)
        masks = _Outlines(self.masks) if self.masks is not None else None
        number = 0
        for chunk in self.edited.chunks(size):
            made = np.empty((len(chunk), self.info.height, self.info.width, 3), np.uint8)
            for edited, frame in zip(chunk, made, strict=True):
                time = number / self.info.frame_rate
                shown = self.source.info.shown_at(time)
                source.forget_before(shown)
                np.copyto(frame, source.at(shown))
                share = self._share(self._share_by_edge(time), masks.distance(time) if masks else None)
                self._lay(edited, frame, share, time)
                number += 1
            yield made

    def _lay(self, edited: Any, frame: Any, share: Any, time: Fraction) -> None:
        """Lay the edit over a frame."""
        height, width = share.shape
        corner = self.crop.corner_at(time) * self._scale
        left, top = np.floor(corner).astype(int).tolist()
        shift = np.array([[1, 0, corner[0] - left], [0, 1, corner[1] - top]])
        is_between = bool(shift[:, 2].any())
        right, bottom = (
            min(left + width + is_between, self.info.width),
            min(top + height + is_between, self.info.height),
        )
        below = frame[top:bottom, left:right]
        above = scaled(edited, (width, height))
        if is_between:
            shape = right - left, bottom - top
            above = cv2.warpAffine(above, shift, shape, borderMode=cv2.BORDER_REPLICATE)
            share = cv2.warpAffine(share, shift, shape)
        above, share = (one[: bottom - top, : right - left] for one in (above, share))
        field = colours_taken(edited, below, share, self.settings.match)
        shown = _shown(share)
        below = below[shown]
        apart = cv2.add(cv2.subtract(above[shown], below, dtype=cv2.CV_32F), field[shown])
        # Where the share is 0, nothing is added.
        cv2.add(below, cv2.multiply(apart, cv2.merge([share[shown]] * 3)), dst=below, dtype=cv2.CV_8U)

    @property
    def _scale(self) -> Any:
        """From pixels of the clip that was cropped to those of the source, across and down."""
        return np.divide((self.info.width, self.info.height), self.crop.frame)

    def _share_by_edge(self, time: Fraction) -> Any:
        """How much of each pixel of the box is the edit's by its distance from the box's edge, 0..1.

        Where the edge is the picture's own there is nothing to give way to.
        """
        width, height = np.ceil(np.array(self.crop.box) * self._scale - 1e-6).astype(int).tolist()
        corner, most = self.crop.corner_at(time), np.subtract(self.crop.frame, self.crop.box)
        return _share_by_edges((width, height), tuple(corner > 0), tuple(corner < most), self.settings.feather)

    def _share(self, edge: Any, distance: Distance | None) -> Any:
        """The same with a mask: the edit gives way inside of it, outside nothing changes."""
        if distance is None:
            return edge
        height, width = edge.shape
        factor = width / distance.shape[1] / max(self.settings.feather, 1.0)
        inside = cv2.resize(distance, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(factor)
        return np.maximum(cv2.min(edge, inside), 0)


@lru_cache(maxsize=4)
def _share_by_edges(size: Size, first: tuple[bool, bool], last: tuple[bool, bool], feather: float) -> Any:
    """The same for boxes of one size, with those of their edges, left and top, right and bottom, that count."""
    across, down = (_to_edge(*side) for side in zip(size, first, last, strict=True))
    return np.clip(np.minimum(across[None], down[:, None]) / np.float32(max(feather, 1.0)), 0, 1)


def _to_edge(side: int, first: bool, last: bool) -> Any:
    """Pixels from those of the two edges that count, float32 ``(side,)``."""
    places = np.arange(side, dtype=np.float32) + np.float32(0.5)
    far = np.full_like(places, np.inf)
    return np.minimum(places if first else far, places[::-1] if last else far)


def _shown(share: Any) -> tuple[slice, slice]:
    """Rows and columns between which an edit shows."""
    rows, columns = (np.flatnonzero(share.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


class _Outlines:
    """The outlines of masks at any time, which never goes back: between two frames they are in between."""

    def __init__(self, stream: FrameStream) -> None:
        self._info = stream.info
        frames = (np.ascontiguousarray(frame[..., 0]) for chunk in stream.chunks() for frame in chunk)
        self._distances = ReadForward(outline_distance(mask) for mask in frames)

    def distance(self, time: Fraction) -> Distance:
        before = self._info.shown_at(time)
        self._distances.forget_before(before)
        here = self._distances.at(before)
        share = np.float32(time * self._info.frame_rate - before)
        if not share or before == self._info.frame_count - 1:
            return here
        return np.asarray((1 - share) * here + share * self._distances.at(before + 1))
