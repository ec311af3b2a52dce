"""Which part of which person each place of a frame belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...motion.figure import BODY_PARTS, BodyPart, Size, figure_parts
from ...motion.motion import Keypoints
from ...opencv import cv2
from .box import Box, whole

Plane: TypeAlias = npt.NDArray[np.float32]
"""``(height, width)`` or ``(parts, height, width)``."""

Ranks: TypeAlias = Mapping[tuple[int, int], int]
"""By person and limb: who is in front has the higher rank."""

_PLACES = 128  # or more, along the longer side of a frame: fields of bones are smooth

FAR = 9.0
"""Body scales: where nobody is near."""

_SOFT = 0.03  # body scales over which one part gives way to another
_INSIDE = 0.3  # deeper inside than that, depth no longer tells parts apart


class FigureMap:
    """The people of a frame as parts, and the places of the frame by their distance to them.

    Args:
        people: ``(people, 18 or more, 3)`` in fractions of the frame.
        size: of the frame in pixels.
        box: the part of the frame that is looked at; without, all of it.

    Attributes:
        step: pixels of the frame per place of the map, each way: a power of two.
        parts: of all people.
        columns, rows: of each place of the box, in pixels of the frame, ``(height / step, width / step)``.
        distances: from each part's outline in body scales, below 0 inside, ``(parts, …)``.
        nearest: to any part.
    """

    def __init__(self, people: Keypoints, size: Size, box: Box | None = None) -> None:
        self.size, self.box = size, box or whole(size)
        self.parts: Sequence[BodyPart] = figure_parts(people, size)
        self.step = _step_for(size)
        self.columns, self.rows = _places(self.box, self.step)
        self.distances = np.stack([self._distance(part) for part in self.parts]) if self.parts else self._nothing()
        self.nearest = self.distances.min(axis=0) if self.parts else np.full(self.columns.shape, FAR, np.float32)
        self.ranks: Ranks = self._usual_ranks()

    def with_ranks(self, ranks: Ranks) -> FigureMap:
        """The same with another order of who is in front; itself if that changes nothing."""
        changed = {**self.ranks, **ranks}
        if changed == self.ranks:
            return self
        found = object.__new__(FigureMap)
        found.__dict__.update(self.__dict__, ranks=changed)
        found.__dict__.pop("shares", None)
        return found

    @property
    def people(self) -> list[int]:
        """Who is there."""
        return sorted({part.person for part in self.parts})

    def enlarged(self, plane: Plane) -> Plane:
        """A plane of the map, or several ``(…, planes)``, at the size of the box."""
        height, width = (places * self.step for places in plane.shape[:2])
        whole_places = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(whole_places[: self.box.height, : self.box.width], np.float32)

    def place_of(self, key: tuple[int, int]) -> int | None:
        """Index of a person's part, if it is there."""
        return self._by_key.get(key)

    @cached_property
    def _by_key(self) -> dict[tuple[int, int], int]:
        return {part.key: index for index, part in enumerate(self.parts)}

    @cached_property
    def shares(self) -> Plane:
        """What of each place each part has, ``(parts, …)``; at every place they add up to 1, also outside of all."""
        if not self.parts:
            return self._nothing()
        shares = np.zeros_like(self.distances)
        left = np.ones_like(self.nearest)
        ranks = np.array([self.ranks[part.limb] for part in self.parts])
        for rank in sorted(set(ranks.tolist()), reverse=True):
            among = np.flatnonzero(ranks == rank)
            depths = self.distances[among]
            nearness = np.exp(np.clip(-np.maximum(depths, -_INSIDE) / _SOFT, -30, 30))
            covered = _soft_step(-depths.min(axis=0) / (_SOFT / 2))
            shares[among] = left * covered * nearness / nearness.sum(axis=0)
            left = left * (1 - covered)
        outside = np.exp(-np.clip(self.distances - self.nearest, 0, 5) / _SOFT)
        shares += left * outside / outside.sum(axis=0)
        return shares

    def _nothing(self) -> Plane:
        return np.zeros((0, *self.columns.shape), np.float32)

    def _usual_ranks(self) -> dict[tuple[int, int], int]:
        """Limbs in the order of ``LIMB_ORDER``; people whose feet are lower are nearer."""
        lowest = {
            person: max(max(part.start[1], part.end[1]) for part in self.parts if part.person == person)
            for person in self.people
        }
        order = sorted(lowest, key=lambda person: lowest[person])
        limbs = len({kind.limb for kind in BODY_PARTS})
        return {part.limb: order.index(part.person) * limbs + part.limb[1] for part in self.parts}

    def _distance(self, part: BodyPart) -> Plane:
        """To a tapered capsule."""
        bone = (part.end - part.start).astype(np.float32)
        length = np.float32(max(float(bone @ bone), 1e-6))
        across, down = self.columns - np.float32(part.start[0]), self.rows - np.float32(part.start[1])
        along = np.clip((across * bone[0] + down * bone[1]) / length, 0, 1)
        first, last = (np.float32(radius) for radius in part.radii)
        distance = np.hypot(across - along * bone[0], down - along * bone[1]) - (first + along * (last - first))
        return np.asarray(distance / np.float32(part.scale), np.float32)


def _step_for(size: Size) -> int:
    return max(1 << int(np.log2(max(size) / _PLACES)), 1) if max(size) > _PLACES else 1


def _places(box: Box, step: int) -> tuple[Plane, Plane]:
    width, height = (max(-(-side // step), 1) for side in box.size)
    middle = (step - 1) / 2
    columns = np.arange(width, dtype=np.float32) * step + (box.left + middle)
    rows = np.arange(height, dtype=np.float32) * step + (box.top + middle)
    found = np.meshgrid(columns, rows)
    return found[0], found[1]


def _soft_step(value: Plane) -> Plane:
    """From 0 below to 1 above 0, softly."""
    return np.asarray(1 / (1 + np.exp(-np.clip(value, -30, 30))), np.float32)
