"""Masks that do not tremble, grown and feathered: by the distance of each pixel from the outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..motion.motion import ALL
from ..opencv import cv2
from .person_masks import Mask, PersonMasks

Distance: TypeAlias = npt.NDArray[np.float32]
"""Pixels from the outline, above 0 inside ``(height, width)``."""

MOST_GROWTH = 256
"""Pixels."""

_FAR = 1e4  # pixels: where there is no outline
_WEIGHTS = (0.25, 0.5, 0.25)  # of the frames before, at and after: what alternates from frame to frame goes
_TREMBLE = 0.006  # of the frame's longer side: an outline that is farther from where it was and will be turns back
_RESTS = 0.012  # of it: an outline that is farther off before than after moves for a reason


@dataclass(frozen=True)
class MaskSettings:
    """What is made of masks.

    Attributes:
        person: whose, from 0; or ``ALL``.
        grow: pixels of the frame by which a mask gets larger; below 0, smaller.
        feather: pixels over which it ends; 0 and 1 are a sharp edge.
        steady: 0 leaves outlines as they were found, 1 takes all their trembling away.
    """

    person: int = ALL
    grow: float = 0.0
    feather: float = 1.0
    steady: float = 1.0

    def __post_init__(self) -> None:
        if not -MOST_GROWTH <= self.grow <= MOST_GROWTH:
            raise InputError("grow", f"{self.grow:g}", f"{-MOST_GROWTH} to {MOST_GROWTH} pixels")
        if not 0 <= self.feather <= MOST_GROWTH:
            raise InputError("feather", f"{self.feather:g}", f"0 to {MOST_GROWTH} pixels")
        if not 0 <= self.steady <= 1:
            raise InputError("steady", f"{self.steady:g}", "0 to 1")


class SteadyMasks:
    """Masks as settings ask for them; those just asked for are remembered.

    Args:
        masks: as they were found.
        settings: what is made of them.
        size: width and height of the frame, of whose pixels the settings speak; by default that of the masks.
    """

    def __init__(self, masks: PersonMasks, settings: MaskSettings, size: tuple[int, int] | None = None) -> None:
        self.masks, self.settings = masks, settings
        self._size = size or (masks.info.width, masks.info.height)
        self._distances: dict[int, Distance] = {}

    def mask(self, frame: int, region: Mask | None = None) -> Mask:
        """Of one frame, 0..255 ``(height, width)``.

        Args:
            frame: its number.
            region: that belongs to the mask besides; it is grown and feathered too.
        """
        distance = self._enlarged(self._steady_distance(frame))
        if region is not None:
            distance = np.maximum(distance, outline_distance(region))
        share = 0.5 + (distance + np.float32(self.settings.grow)) / np.float32(max(self.settings.feather, 1.0))
        return np.asarray(np.clip(share * 255, 0, 255).round(), np.uint8)

    def _enlarged(self, distance: Distance) -> Distance:
        """In the frame's pixels."""
        height, width = distance.shape
        if self._size == (width, height):
            return distance
        factor = np.float32(self._size[0] / width)
        return np.asarray(cv2.resize(distance, self._size, interpolation=cv2.INTER_LINEAR) * factor)

    def _steady_distance(self, frame: int) -> Distance:
        """The mean over time where the outline rests: one that trembles comes to rest, one that moves is left alone."""
        here = self._distance(frame)
        around = [self._distance(at) for at in (frame - 1, frame + 1) if self._is_seen(at)]
        self._distances = {at: one for at, one in self._distances.items() if abs(at - frame) <= 1}
        if len(around) < 2 or not self.settings.steady or not self._is_seen(frame):
            return here
        before, after = around
        # A hole that neither neighbour has is none.
        here = np.where((np.minimum(before, after) > 0) & holes(here < 0), np.minimum(before, after), here)
        change = _WEIGHTS[0] * before + (_WEIGHTS[1] - 1) * here + _WEIGHTS[2] * after
        side = np.float32(max(here.shape))
        rests = np.exp(-(((after - before) / (_RESTS * side)) ** 2) - (change / (_TREMBLE * side)) ** 2)
        return np.asarray(here + self.settings.steady * rests * change, np.float32)

    def _is_seen(self, frame: int) -> bool:
        return 0 <= frame < self.masks.info.frame_count and self.masks.is_seen(frame, self.settings.person)

    def _distance(self, frame: int) -> Distance:
        if frame not in self._distances:
            self._distances[frame] = outline_distance(self.masks.mask(frame, self.settings.person))
        return self._distances[frame]


def holes(outside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """What of the outside of a mask is closed in by it."""
    around = cv2.copyMakeBorder(outside.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(around, None, (0, 0), 0)
    return np.asarray(around[1:-1, 1:-1] > 0)


def outline_distance(mask: Mask) -> Distance:
    """Pixels from the outline of a mask, where it is half there; above 0 inside."""
    inside = (mask > 127).astype(np.uint8)
    if not inside.any() or inside.all():
        return np.full(mask.shape, _FAR if inside.all() else -_FAR, np.float32)
    within, beyond = (cv2.distanceTransform(one, cv2.DIST_L2, 5) for one in (inside, 1 - inside))
    distance = cv2.subtract(within, beyond)
    cv2.add(
        distance, np.float32(0.5) - inside, dst=distance
    )  # from the outline, not from the middle of the pixel beyond it
    # Half a pixel from the outline the mask itself says more.
    np.copyto(distance, mask / np.float32(255) - np.float32(0.5), where=np.abs(distance) < 1)
    return np.asarray(distance)
