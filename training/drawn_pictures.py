"""The training pictures: drawn once into memory maps, one set per size."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from . import foreign_places
from .poses import Keypoints, Placement, Random, random_people
from .renderer import BACKDROPS, FIGURES, SUPERSAMPLING, Picture, Plane, draw, draw_over

if TYPE_CHECKING or __package__ == "training":  # run from the pack's root
    from nodes.masks.pose_region import pose_region
    from nodes.masks.steady import outline_distance
    from nodes.pose.draw import draw_pose
else:  # a part of the pack, as ComfyUI and the tests import it
    from ..nodes.masks.pose_region import pose_region
    from ..nodes.masks.steady import outline_distance
    from ..nodes.pose.draw import draw_pose


T = TypeVar("T")


@dataclass(frozen=True)
class PictureSet:
    """Pictures of one size.

    Attributes:
        width, height: pixels, multiples of 8.
        count: pictures to draw.
        share: of the training batches that are of this set.
        foreign: figures are drawn into a region of a place that has no name.
    """

    width: int
    height: int
    count: int
    share: float
    foreign: bool = False

    @property
    def name(self) -> str:
        return f"{self.width}x{self.height}{'_foreign' if self.foreign else ''}"


SETS = (
    PictureSet(128, 128, 6000, 0.52),
    PictureSet(112, 192, 1600, 0.18),
    PictureSet(192, 112, 800, 0.10),
    PictureSet(144, 256, 900, 0.10),
    PictureSet(192, 192, 900, 0.10),
)
PLACE_SETS = (
    PictureSet(128, 128, 1500, 0.25, foreign=True),
    PictureSet(192, 192, 900, 0.15, foreign=True),
    PictureSet(144, 256, 500, 0.1, foreign=True),
    PictureSet(128, 128, 1200, 0.25),
    PictureSet(112, 192, 400, 0.1),
    PictureSet(192, 192, 400, 0.15),
)
"""To learn what a mask asks for, and to forget nothing."""
UNNAMED = -1
"""The backdrop of a foreign place."""
UNSEEN_PAIRS = frozenset({(0, 5), (1, 4), (3, 2), (5, 0)})
"""Pairs of figure and background that are never drawn for training."""
_FILES = ("pictures", "hints", "masks", "regions", "figures", "backdrops")
_SMALLER = Placement(fill=(0.5, 0.95))
"""Inside a mask, figures of people who stand in a room."""


@dataclass(frozen=True)
class Pictures:
    """A drawn set, memory-mapped.

    Attributes:
        pictures, hints: uint8 ``(count, height, width, 3)``.
        masks: uint8 ``(count, height, width)``, 255 where a figure is.
        regions: uint8 ``(count, height, width)``, 255 where the picture is to be redrawn: elsewhere it is given.
        figures, backdrops: indices ``(count,)``; a backdrop may be ``UNNAMED``.
    """

    pictures: npt.NDArray[np.uint8]
    hints: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    regions: npt.NDArray[np.uint8]
    figures: npt.NDArray[np.int64]
    backdrops: npt.NDArray[np.int64]


def draw_hint(people: Keypoints, width: int, height: int, detail: int = 1) -> Picture:
    """The control image that Draw Pose makes, or at ``detail`` times the size, shrunk, as other preprocessors do."""
    drawn = draw_pose(people, width * detail, height * detail)
    return (
        drawn if detail == 1 else np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    )


def make(folder: Path, picture_set: PictureSet, seed: int, workers: int) -> Pictures:
    """Draw a set into ``folder``, unless it is there."""
    target = folder / picture_set.name
    made = {"set": picture_set.__dict__, "seed": seed}
    stamp = target / "made.json"
    if not (stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == made):
        target.mkdir(parents=True, exist_ok=True)
        draw_one = _draw_foreign if picture_set.foreign else _draw_known
        one = partial(draw_one, width=picture_set.width, height=picture_set.height, seed=seed)
        drawn = zip(*in_parallel(one, picture_set.count, workers), strict=True)
        for name, values in zip(_FILES, drawn, strict=True):
            np.save(target / f"{name}.npy", np.stack(values))
        stamp.write_text(json.dumps(made), encoding="utf-8")
    return Pictures(**{name: np.load(target / f"{name}.npy", mmap_mode="r") for name in _FILES})


def in_parallel(one: Callable[[int], T], count: int, workers: int) -> list[T]:
    """``one`` of 0 to ``count`` - 1, by this many processes."""
    if workers == 1:
        return list(map(one, range(count)))
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(one, range(count), chunksize=50))


def _draw_known(index: int, width: int, height: int, seed: int) -> tuple[Any, ...]:
    random = np.random.default_rng((seed, width, height, index))
    people = random_people(random, (width, height))
    figure, backdrop = _seen_pair(random)
    picture, mask = draw(people, figure, backdrop, width, height)
    return picture, _any_hint(people, random, width, height), mask, np.full_like(mask, 255), figure, backdrop


def _draw_foreign(index: int, width: int, height: int, seed: int) -> tuple[Any, ...]:
    random = np.random.default_rng((seed, width, height, index, 1))
    place = foreign_places.paint(random, SUPERSAMPLING * width, SUPERSAMPLING * height)
    people = random_people(random, (width, height), alone=_SMALLER)
    figure = int(random.integers(len(FIGURES)))
    region = random_region(random, people, width, height)
    picture, mask = redrawn(place, people, figure, region)
    return picture, _any_hint(people, random, width, height), mask, region, figure, UNNAMED


def redrawn(place: Plane, people: Keypoints, figure: int, region: Picture) -> tuple[Picture, Picture]:
    """A place in which a region was redrawn with a figure in it: what a figure has outside the region is cut off.

    Args:
        place: as for ``draw_over``.
        region: 0..255 ``(height, width)``.

    Returns:
        RGB ``(height, width, 3)`` and the figures' mask ``(height, width)``, 0..255.
    """
    nobody = people[:0]
    (before, _), (after, mask) = (draw_over(place, those, figure) for those in (nobody, people))
    share = region.astype(np.float32)[..., None] / 255
    mixed = before + (after.astype(np.float32) - before) * share
    return mixed.round().astype(np.uint8), (mask * share[..., 0]).round().astype(np.uint8)


def random_region(random: Random, people: Keypoints, width: int, height: int) -> Picture:
    """Where people might be asked to redraw: mostly around bodies, at times everything.

    Returns:
        0 or 255, ``(height, width)``.
    """
    if random.random() < 0.15:
        return np.full((height, width), 255, np.uint8)
    return region_around(random, people, width, height)


def region_around(random: Random, people: Keypoints, width: int, height: int) -> Picture:
    """Bodies more or less grown, or a box around them; everything where nobody is.

    Returns:
        0 or 255, ``(height, width)``.
    """
    bodies = pose_region(people, width, height)
    if not bodies.any():
        return np.full((height, width), 255, np.uint8)
    margin = random.uniform(-0.01, 0.07) * max(width, height)
    if random.random() < 0.75:
        return np.where(outline_distance(bodies) > -margin, 255, 0).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(bodies)
    grown = round(abs(margin))
    region = np.zeros_like(bodies)
    region[max(0, y - grown) : y + h + grown, max(0, x - grown) : x + w + grown] = 255
    return region


def _any_hint(people: Keypoints, random: Random, width: int, height: int) -> Picture:
    hint = with_hands(people, random) if random.random() < 0.08 else people
    detail = int(random.choice((1, 2, 4), p=(0.7, 0.15, 0.15)))
    return draw_hint(hint, width, height, detail)


def _seen_pair(random: Random) -> tuple[int, int]:
    while True:
        pair = int(random.integers(len(FIGURES))), int(random.integers(len(BACKDROPS)))
        if pair not in UNSEEN_PAIRS:
            return pair


def with_hands(people: Keypoints, random: Random) -> Keypoints:
    """Add 21 joints per hand, fanned out beyond the forearm: other preprocessors draw hands, the figures have none."""
    hands = np.zeros((len(people), 42, 3), np.float32)
    for person, body in enumerate(people):
        for side, (elbow, wrist) in enumerate(((6, 7), (3, 4))):  # as in Motion: left hand first
            if min(body[elbow, 2], body[wrist, 2]) == 0:
                continue
            reach = 0.4 * (body[wrist, :2] - body[elbow, :2])
            joints = hands[person, 21 * side : 21 * side + 21]
            joints[:, 2], joints[0, :2] = 1, body[wrist, :2]
            for finger in range(5):
                angle = (finger - 2) * 0.3 + random.normal(0, 0.1)
                turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
                steps = np.linspace(0.4, 1, 4)[:, None]
                joints[1 + 4 * finger : 5 + 4 * finger, :2] = body[wrist, :2] + steps * (turn @ reach)
    return np.concatenate((people, hands), axis=1)
