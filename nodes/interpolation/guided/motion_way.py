"""Frames whose figures follow a motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np

from ...compositing.plate import BinaryMask
from ...motion.figure import figure_parts
from ...motion.motion import Keypoints, Motion
from .box import Box, box_around
from .composition import Interpolate, brought_to_pose, fused_background
from .cutout import HORIZON, Shot, View, view_of
from .joint_fit import with_shifts
from .once import Once
from .pair_maker import KeyframesOfShot, Moment, Pair
from .poses import poses_at, steady_hands

_FIGURE = 0.3  # share of a figure from which a pixel counts as its own
_AHEAD = 2
"""Keyframes that are cut out before they are needed."""


class MotionWay:
    """A ``PairMaker``: the figures of both keyframes are brought to the pose of the frame by their bones.

    Args:
        shot: whose frames are made.
        motion: on the plan's grid.
        times: of the frames, in frames of the grid.
        between: for backgrounds that are not the same.
        pool: where keyframes are cut out.
    """

    def __init__(
        self,
        shot: KeyframesOfShot,
        motion: Motion,
        times: Sequence[Fraction],
        between: Interpolate,
        pool: Executor,
    ) -> None:
        span = shot.first, shot.last
        self._keyframes, self._motion, self._between = shot, steady_hands(motion, span), between
        self._pool, self._last = pool, len(shot.frames) - 1
        found = poses_at(self._motion, span, times)
        self._poses: dict[Fraction, Keypoints] = dict(zip(times, found, strict=True))
        self._box: Once[tuple[int, int], Box] = Once(self._make_box)
        self._view: Once[int, View] = Once(self._make_view)
        self._shot = Shot(self._view, len(shot.frames))
        self._begun: list[Future[object]] = []

    def begin(self, first: int, last: int) -> None:
        """Have keyframes cut out meanwhile, those between two of them too."""
        self._keyframes.picture(min(last + HORIZON, self._last))  # is read in this thread
        for place in self._shot.begin(first, last, self._submit):
            if place > first:
                self._submit(self._shot.pair, place - 1, place)
                self._submit(self._box, (place - 1, place))

    def leave(self) -> None:
        """Drop what was begun and is not at work yet: another way makes the frames."""
        for one in self._begun:
            one.cancel()

    def work(self, moment: Moment) -> Callable[[], Pair]:
        self.begin(moment.left, moment.right + _AHEAD)
        at, share = (moment.left, moment.right), float(moment.weight)
        pair, box = self._shot.pair(*at), self._box(at)
        background = fused_background(pair, share, self._between)
        return partial(brought_to_pose, pair, self._people(moment.time), share, box, background)

    def figures(self, place: int) -> BinaryMask:
        """Where a keyframe shows people."""
        return np.asarray(self._shot.alpha(place) > _FIGURE)

    def forget_before(self, place: int) -> None:
        self._view.keep(lambda at: at >= place - HORIZON)
        self._box.keep(lambda at: at[0] >= place)
        self._shot.forget_before(place)

    def _submit(self, work: Callable[..., object], *inputs: object) -> None:
        self._begun = [one for one in self._begun if not one.done()]
        self._begun.append(self._pool.submit(work, *inputs))

    def _make_box(self, at: tuple[int, int]) -> Box:
        """Where people may be in all frames between two keyframes, so that the net takes these at once."""
        cutouts = [self._shot.cutout(place) for place in at]
        margin = max(cutout.farthest for cutout in cutouts)
        first, last = (self._keyframes.frames[place] for place in at)
        poses = [people for time, people in self._poses.items() if first <= time <= last]
        poses += [*self._motion.keypoints[first : last + 1]]
        size = cutouts[0].figures.size
        people = (with_shifts(pose, cutout.shifts) for pose, cutout in product(poses, cutouts))
        return box_around((part for one in people for part in figure_parts(one, size)), margin, size)

    def _people(self, time: Fraction) -> Keypoints:
        return self._poses[time] if time in self._poses else self._motion.keypoints[int(time)]

    def _make_view(self, place: int) -> View:
        people = self._motion.keypoints[self._keyframes.frames[place]]
        return view_of(self._keyframes.picture(place), people)
