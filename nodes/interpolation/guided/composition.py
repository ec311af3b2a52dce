"""Two keyframes brought to the pose of a frame between them, before one background."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ...compositing.camera import moved, moved_mask, share_of, stands
from ...motion.motion import Keypoints
from ...opencv import cv2
from ...video.stream import Picture
from .bone_field import bone_field, preferences
from .box import Box
from .cut_lines import enlarged_field
from .cutout import Cutout, CutoutPair
from .depth_order import told_ranks
from .figure_map import FigureMap, Plane
from .joint_fit import with_shifts
from .pair_maker import Pair, Surroundings

_UNLIKE = 3.0  # levels of 255: backgrounds that differ by more are interpolated too
_SKIN = 0.04  # body scales beyond the capsules where a body ends for sure
_LITTLE, _ENOUGH = 0.5, 0.9  # what a keyframe has to show of a place to be trusted there: not at all, and fully
_SEAM, _SEAM_REACH = 0.8, 4  # pixels: how soft a cut between two parts gets, and how far that looks
_WHISKER = 0.02  # body scales: what is thinner and outside of the body is none of it
_LEVELS = 65535
_STRIP = 1 << 16  # pixels that are laid over each other at once: so many stay in the cache of a core


Interpolate: TypeAlias = Callable[[Picture, Picture, float], Picture]
"""Gives a picture at a share 0..1 of the way between two."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A keyframe's figures in another pose.

    Attributes:
        picture: RGB times their share, and their share times 255, ``(height, width, 4)``.
        alpha: their share, 0..1.
        trust: where the keyframe shows them, 0..1.
        preferred: how much is to come from it, where both do, 0..1.
    """

    picture: Plane
    alpha: Plane
    trust: Plane
    preferred: Plane

    def of(self, rows: slice) -> Layer:
        """Some rows of it."""
        return Layer(self.picture[rows], self.alpha[rows], self.trust[rows], self.preferred[rows])


def fused_background(pair: CutoutPair, share: float, between: Interpolate) -> Picture | None:
    """The background at a time between two keyframes, where the net is needed for it: where theirs are not the same."""
    if pair.background_change <= _UNLIKE:
        return None
    return between(pair.left.background, pair.right.background, share)


def brought_to_pose(
    pair: CutoutPair, people: Keypoints, share: float, box: Box, background: Picture | None = None
) -> Pair:
    """Both keyframes as they would look at a time between them, as far as each can tell: nearly the same picture.

    Args:
        pair: the keyframes.
        people: their pose at that time, ``(people, 18 or more, 3)`` in fractions of the frame.
        share: 0..1 of the time between them that has gone.
        box: where people may be; it may be empty.
        background: see ``fused_background``.
    """
    around, behind = _background(pair, share, box) if background is None else (background, box.of(background))
    if box.is_empty:
        return Pair(around, around)
    left, right = pair.left, pair.right
    first, second = (left, right) if share < 0.5 else (right, left)
    people = with_shifts(people, (1 - share) * left.shifts + share * right.shifts)
    target = FigureMap(people, left.figures.size, box)
    target = target.with_ranks(told_ranks(target, [first.evidence, second.evidence]))
    nearest = target.enlarged(target.nearest)
    layers = [_brought(target, nearest, one, other) for one, other in ((left, right), (right, left))]
    made = [np.empty((box.height, box.width, 3), np.uint8) for _ in layers]
    for rows in _strips(box):
        made[0][rows], made[1][rows] = _laid_over(behind[rows], nearest[rows], [layer.of(rows) for layer in layers])
    return Pair(made[0], made[1], Surroundings(around, box))


def _strips(box: Box) -> Iterator[slice]:
    height = max(_STRIP // box.width, 1)
    return (slice(top, top + height) for top in range(0, box.height, height))


def _laid_over(background: Any, nearest: Plane, layers: Sequence[Layer]) -> list[Picture]:
    """Each layer over a background ``(height, width, 3)``, with the other one where that can be trusted more."""
    behind = _planes(background)
    laid = [_planes(one.picture)[:3] + behind * (1 - one.alpha) for one in layers]
    unseen = _unseen(nearest, layers, laid, behind)
    trusts = [
        own.trust * (1 - other.trust * (1 - own.preferred))
        for own, other in ((layers[0], layers[1]), (layers[1], layers[0]))
    ]
    made = []
    for own, other in ((0, 1), (1, 0)):
        instead = unseen + trusts[other] * (laid[other] - unseen)
        made.append(_rounded(np.asarray(cv2.merge([*(instead + trusts[own] * (laid[own] - instead))]))))
    return made


def _brought(target: FigureMap, nearest: Plane, keyframe: Cutout, other: Cutout) -> Layer:
    wanted = preferences(target, keyframe.figures, other.figures)
    field = bone_field(target, keyframe.figures, keyframe.shown, keyframe.reach, wanted)
    offsets, torn = enlarged_field(target, field)
    box = target.box
    columns = offsets[..., 0] + np.arange(box.left, box.left + box.width, dtype=np.float32)
    rows = offsets[..., 1] + np.arange(box.top, box.top + box.height, dtype=np.float32)[:, None]
    bent = cv2.remap(keyframe.layer, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    layer = np.asarray(bent, np.float32)
    _soften(layer, torn)
    alpha = cv2.extractChannel(layer, 3) / np.float32(255)
    seen, preferred = cv2.split(target.enlarged(np.dstack((field.seen, field.preferred))))
    trust = np.clip((seen - _LITTLE) / (_ENOUGH - _LITTLE), 0, 1).astype(np.float32)
    trust *= 1 - _whiskers(target, nearest, alpha * trust)
    return Layer(layer, alpha, trust, np.asarray(preferred, np.float32))


def _soften(layer: Plane, torn: Picture) -> None:
    left, top, width, height = cv2.boundingRect(torn)
    if width:
        part = tuple(
            slice(max(first - _SEAM_REACH, 0), first + side + _SEAM_REACH)
            for first, side in ((top, height), (left, width))
        )
        cv2.copyTo(cv2.GaussianBlur(layer[part], (0, 0), _SEAM), torn[part], layer[part])


def _unseen(nearest: Plane, layers: Sequence[Layer], laid: Sequence[Plane], background: Plane) -> Plane:
    """What is shown where no keyframe can be trusted: the background, but nobody has a hole in the body."""
    weights = [layer.trust + np.float32(1e-3) for layer in layers]
    share = weights[1] / (weights[0] + weights[1])
    body = np.clip(1 - nearest / _SKIN, 0, 1)
    return np.asarray(background + body * (laid[0] + share * (laid[1] - laid[0]) - background), np.float32)


def _whiskers(target: FigureMap, nearest: Plane, alpha: Plane) -> Plane:
    """Thin things outside of the capsules, 0..1."""
    scale = max((part.scale for part in target.parts), default=1.0)
    side = 2 * max(1, round(_WHISKER * scale)) + 1
    levels = (alpha * _LEVELS).astype(np.uint16)  # twice as fast
    opened = cv2.morphologyEx(levels, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    outside = np.clip(nearest / 0.03, 0, 1)
    return np.asarray(outside * np.clip((levels - opened) * np.float32(2 / _LEVELS), 0, 1), np.float32)


def _background(pair: CutoutPair, share: float, box: Box) -> tuple[Picture, Plane]:
    """The background at a time between two keyframes that show the same one, and that in a box before rounding."""
    if not stands(pair.move):
        everywhere = _moved_background(pair, share)
        return _rounded(everywhere), box.of(everywhere)
    left, right = pair.left.background, pair.right.background
    around = np.asarray(cv2.addWeighted(left, 1 - share, right, share, 0), np.uint8)
    if box.is_empty:
        return around, box.of(around)
    behind = cv2.addWeighted(box.of(left), 1 - share, box.of(right), share, 0, dtype=cv2.CV_32F)
    return around, np.asarray(behind, np.float32)


def _moved_background(pair: CutoutPair, share: float) -> Plane:
    left, right, move = pair.left, pair.right, pair.move
    from_left = share_of(move, share)
    from_right = from_left @ np.linalg.inv(move)
    total, weights = np.zeros(left.background.shape, np.float32), np.full(left.background.shape[:2], 1e-4, np.float32)
    everywhere = np.ones(left.background.shape[:2], bool)
    for one, way, weight in ((left, from_left, 1 - share), (right, from_right, share)):
        there = moved_mask(everywhere, way) * np.float32(weight) + np.float32(1e-4)
        total += moved(one.background.astype(np.float32), way) * there[..., None]
        weights += there
    return np.asarray(total / weights[..., None], np.float32)


def _rounded(picture: Plane) -> Picture:
    return np.asarray(cv2.convertScaleAbs(picture), np.uint8)


def _planes(picture: Any) -> Plane:
    """``(colours, height, width)`` of ``(height, width, colours)``."""
    return np.asarray(np.stack(cv2.split(picture)), np.float32)
