"""The keyframes of a shot, each split into its figures and what lies behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from ...compositing.camera import STANDS, Move, camera_move, moved, moved_mask, stands
from ...compositing.plate import BinaryMask, filled, median_plate
from ...motion.figure import Pixels
from ...motion.motion import Keypoints
from ...opencv import cv2
from ...video.stream import Picture
from .bone_field import EDGE, REACH, shown_parts
from .depth_order import Evidence, order_evidence, told_ranks
from .figure_map import FigureMap, Plane
from .joint_fit import JointFit, joint_fit, joint_shifts, with_shifts
from .matte import Histogram, colour_counts, matte
from .once import Once

WINDOW = 4
"""Keyframes on either side that help to tell figures from background."""

HORIZON = 3 * WINDOW
"""Keyframes on either side that have a say in one: what helps needs help of its own, twice."""

_TRACKED = 0.25  # body scales from anybody, where corners tell how the camera moves
_CLEAR = 0.33  # body scales from anybody, where a picture shows background
_ALIKE = 14.0  # levels of 255: most that backgrounds differ which may stand for each other
_HIDDEN = 0.5  # share of a figure from which the background is not seen; 0.06 costs 0.7 dB on drawn clips
_LASTS = 4.0  # keyframes for which a joint is off the same way
_LEAST_REACH, _MOST_REACH = 0.06, 0.5  # body scales


@dataclass(eq=False)
class View:
    """A keyframe as it came, and its people ``(people, 18 or more, 3)`` in fractions of the frame."""

    picture: Picture
    people: Keypoints
    figures: FigureMap
    distance: Plane = field(init=False)
    counts: tuple[Histogram, Histogram] = field(init=False)

    def __post_init__(self) -> None:
        self.distance = self.figures.enlarged(self.figures.nearest)
        self.counts = colour_counts(self.picture, self.distance)

    @property
    def clear(self) -> BinaryMask:
        """Where it shows background."""
        return np.asarray(self.distance > _CLEAR)


@dataclass(frozen=True, eq=False)
class Cutout:
    """A keyframe in layers.

    Attributes:
        picture: RGB.
        figures: in it.
        shifts: what was added to their joints, ``(people, 18, 2)`` in fractions of the frame.
        evidence: who is in front of whom.
        shown: by part, what of each place of the map shows it.
        layer: the figures: RGB times their share, and their share times 255, float32 ``(height, width, 4)``.
        background: RGB, behind the figures too.
        clear: where the picture shows background itself.
        reach: how far figures go beyond their capsules, by part.
    """

    picture: Picture
    figures: FigureMap
    shifts: Pixels
    evidence: Evidence
    shown: Plane
    layer: Plane
    background: Picture
    clear: BinaryMask
    reach: Mapping[tuple[int, int], float]

    @property
    def farthest(self) -> float:
        """How far anybody may go beyond their capsules, in body scales."""
        return max((*self.reach.values(), REACH)) + EDGE


@dataclass(frozen=True, eq=False)
class CutoutPair:
    """Two keyframes between which frames are made.

    Attributes:
        left, right: the keyframes.
        move: of the camera: brings places of ``left`` to those of ``right``.
        background_change: how much their backgrounds differ where both are seen, in levels of 255.
    """

    left: Cutout
    right: Cutout
    move: Move
    background_change: float


class Shot:
    """Keyframes of one shot, which look at each other; those that nobody needs any more can be let go.

    Any thread may ask for anything.

    Args:
        view: gives a keyframe by its place in the shot, ``0 <= place < count``.
        count: of keyframes in the shot.
    """

    def __init__(self, view: Callable[[int], View], count: int) -> None:
        self._view, self._count = view, count
        # Each needs only those above it.
        self._step: Once[int, Move] = Once(self._make_step)
        self._alike: Once[tuple[int, int], bool] = Once(self._compare)
        self._rough_alpha: Once[int, Plane] = Once(self._make_rough_alpha)
        self._alpha: Once[int, Plane] = Once(self._make_alpha)
        self._joint_fit: Once[int, JointFit] = Once(self._make_joint_fit)
        self._cutout: Once[int, Cutout] = Once(self._cut_out)
        self._pair: Once[tuple[int, int], CutoutPair] = Once(self._make_pair)
        self._begun = 0

    def begin(self, first: int, last: int, submit: Callable[[Callable[[int], object], int], object]) -> range:
        """Have keyframes cut out in a pool, and what they need of others, which comes first.

        Args:
            first, last: of those keyframes. What lies before was begun, or is not needed any more.
            submit: gives the pool something to do.

        Returns:
            Those that had not been begun.
        """
        begun = range(max(self._begun, first), min(last + 1, self._count))
        goes_on = 0 < self._begun >= first
        for make, reach in ((self._rough_alpha, 2 * WINDOW), (self._joint_fit, WINDOW), (self._cutout, 0)):
            start = begun.start + reach if goes_on else max(begun.start - reach, 0)
            for place in range(start, min(last + 1 + reach, self._count)):
                submit(make, place)
        self._begun = max(self._begun, begun.stop)
        return begun

    def forget_before(self, place: int) -> None:
        """Let go of what is only needed for keyframes before this one."""
        self._cutout.keep(lambda at: at >= place)
        self._pair.keep(lambda at: at[0] >= place)
        self._alpha.keep(lambda at: at >= place - WINDOW)
        self._joint_fit.keep(lambda at: at >= place - WINDOW)
        self._rough_alpha.keep(lambda at: at >= place - 2 * WINDOW)

    def cutout(self, place: int) -> Cutout:
        """A keyframe in layers."""
        return self._cutout(place)

    def pair(self, left: int, right: int) -> CutoutPair:
        """Two keyframes in layers."""
        return self._pair((left, right))

    def _make_pair(self, places: tuple[int, int]) -> CutoutPair:
        left, right = places
        cutouts = self.cutout(left), self.cutout(right)
        return CutoutPair(*cutouts, self.move(right, left), _background_change(*cutouts))

    def move(self, place: int, other: int) -> Move:
        """Brings places of the keyframe ``other`` to those of ``place``."""
        if place > other:
            return np.asarray(np.linalg.inv(self.move(other, place)))
        return reduce(np.matmul, (self._step(at) for at in range(place, other)), STANDS)

    def _make_step(self, place: int) -> Move:
        before, after = self._view(place), self._view(place + 1)
        move = camera_move(before.picture, after.picture, before.distance > _TRACKED)
        return STANDS if move is None else move

    def _near(self, place: int) -> list[int]:
        """Those around a keyframe, itself first, the nearest before the others."""
        around = range(max(place - WINDOW, 0), min(place + WINDOW + 1, self._count))
        return sorted(around, key=lambda other: (abs(other - place), other))

    def _seen_from(self, place: int, other: int, picture: Picture, there: BinaryMask) -> tuple[Picture, BinaryMask]:
        """Another keyframe's picture, and where it shows something, in the places of this one."""
        move = self.move(place, other)
        if stands(move):
            return picture, there
        return np.asarray(moved(picture, move), np.uint8), moved_mask(there, move)

    def _is_alike(self, place: int, other: int) -> bool:
        """Whether two keyframes show the same background where both show any."""
        return self._alike((min(place, other), max(place, other)))

    def _compare(self, places: tuple[int, int]) -> bool:
        place, other = places
        view, seen = self._view(place), self._view(other)
        picture, there = self._seen_from(place, other, seen.picture, seen.clear)
        both = there & view.clear
        if both.sum() < 500:
            return False
        return float(np.percentile(_apart(view.picture, picture)[both], 85)) < _ALIKE

    def picture(self, place: int) -> Picture:
        """A keyframe as it came."""
        return self._view(place).picture

    def alpha(self, place: int) -> Plane:
        """The share of figures, by what all keyframes around it show of the background, close to people too."""
        return self._alpha(place)

    def _make_alpha(self, place: int) -> Plane:
        if len(self._alike_near(place)) == 1:
            return self._rough_alpha(place)
        return self._matte(place, lambda other: ~_grown(self._rough_alpha(other) > _HIDDEN))

    def _make_rough_alpha(self, place: int) -> Plane:
        """The same by what is clear of people by their pose alone."""
        return self._matte(place, lambda other: self._view(other).clear)

    def _alike_near(self, place: int) -> list[int]:
        return [other for other in self._near(place) if other == place or self._is_alike(place, other)]

    def _matte(self, place: int, clear: Callable[[int], BinaryMask]) -> Plane:
        view = self._view(place)
        near = self._alike_near(place)
        plate, known = np.zeros_like(view.picture), np.zeros(view.distance.shape, bool)
        if len(near) > 1:
            seen = [self._seen_from(place, other, self._view(other).picture, clear(other)) for other in near]
            plate, known = median_plate([one for one, _ in seen], [there for _, there in seen])
        counts = [self._view(other).counts for other in self._near(place)]
        return matte(view.picture, view.distance, plate, known, counts)

    def _cut_out(self, place: int) -> Cutout:
        view, near = self._view(place), self._near(place)
        views = [self._view(other) for other in near]
        evidence = order_evidence([one.picture for one in views], [one.figures for one in views])[0]
        shifts = self._joint_shifts(place)
        figures = FigureMap(with_shifts(view.people, shifts), view.figures.size)
        figures = figures.with_ranks(told_ranks(figures, [evidence]))
        alpha = self.alpha(place)
        hidden = _grown(alpha > _HIDDEN)
        background, found = self._background(place, ~hidden)
        # What no keyframe shows as background goes with the figure, or planted feet would melt.
        never = (hidden & ~found & (alpha > _HIDDEN)).astype(np.float32)
        alpha = np.maximum(alpha, cv2.GaussianBlur(never, (0, 0), 0.8))
        colours = view.picture.astype(np.float32) * alpha[..., None]
        return Cutout(
            picture=view.picture,
            figures=figures,
            shifts=shifts,
            evidence=evidence,
            shown=shown_parts(figures),
            layer=np.dstack((colours, alpha * 255)).astype(np.float32),
            background=background,
            clear=~hidden,
            reach=self._reach(near),
        )

    def _joint_shifts(self, place: int) -> Pixels:
        near, figures = self._near(place), self._view(place).figures
        weights = [float(np.exp(-abs(other - place) / _LASTS)) for other in near]
        fits = [self._joint_fit(other) for other in near]
        return np.asarray(joint_shifts(fits, weights, figures.parts) / figures.size)

    def _make_joint_fit(self, place: int) -> JointFit:
        view = self._view(place)
        return joint_fit(view.figures.parts, self.alpha(place), len(view.people))

    def _background(self, place: int, clear: BinaryMask) -> tuple[Picture, BinaryMask]:
        """The keyframe without its figures, and what of it some keyframe shows."""
        background, found = self._view(place).picture.copy(), clear.copy()
        for other in self._near(place)[1:]:
            if found.all():
                break
            if self._is_alike(place, other):
                there = ~_grown(self.alpha(other) > _HIDDEN)
                picture, there = self._seen_from(place, other, self._view(other).picture, there)
                take = ~found & there
                background[take] = picture[take]
                found |= take
        return filled(background, found), found

    def _reach(self, near: list[int]) -> dict[tuple[int, int], float]:
        """How far figures go beyond each part's capsule, in body scales."""
        found: dict[tuple[int, int], list[float]] = {}
        for place in near:
            figures = self._view(place).figures
            if not figures.parts:
                continue
            height, width = figures.columns.shape
            inside = cv2.resize(self.alpha(place), (width, height), interpolation=cv2.INTER_AREA) > 0.5
            owner = figures.shares.argmax(axis=0)
            for index, part in enumerate(figures.parts):
                distances = figures.distances[index][inside & (owner == index)]
                if len(distances) > 20:
                    found.setdefault(part.key, []).append(float(np.percentile(distances, 98)))
        return {
            key: float(np.clip(np.median(values) + 0.05, _LEAST_REACH, _MOST_REACH)) for key, values in found.items()
        }


def view_of(picture: Picture, people: Keypoints) -> View:
    """A keyframe and who is in it.

    Args:
        picture: RGB.
        people: ``(people, 18 or more, 3)`` in fractions of the frame.
    """
    height, width = picture.shape[:2]
    return View(picture, people, FigureMap(people, (width, height)))


def _background_change(left: Cutout, right: Cutout) -> float:
    both = left.clear & right.clear
    if not both.any():
        return float("inf")
    return float(_apart(left.picture, right.picture)[both].mean())


def _apart(first: Picture, second: Picture) -> Plane:
    """The mean of the colours' differences at every place, but for their noise, 0..255."""
    red, green, blue = cv2.split(cv2.absdiff(*(cv2.GaussianBlur(one, (0, 0), 1.5) for one in (first, second))))
    return np.asarray(cv2.add(cv2.add(red, green, dtype=cv2.CV_32F), blue, dtype=cv2.CV_32F) / 3, np.float32)


def _grown(mask: BinaryMask) -> BinaryMask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
