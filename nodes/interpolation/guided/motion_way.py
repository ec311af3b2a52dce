"""Frames whose figures follow a motion."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...motion.motion import Keypoints, Motion
from ..interpolator import Picture
from .composition import Interpolate, brought_to_pose
from .cutout import REACH, Shot, View, view_of
from .pair_maker import KeyframesOfShot, Moment
from .plate import Mask
from .poses import poses_at

_FIGURE = 0.3  # share of a figure from which a pixel counts as its own


class MotionWay:
    """A ``PairMaker``: the figures of both keyframes are brought to the pose of the frame by their bones.

    Args:
        shot: whose frames are made.
        motion: on the plan's grid.
        times: of the frames, in frames of the grid.
        between: for backgrounds that are not the same.
    """

    def __init__(self, shot: KeyframesOfShot, motion: Motion, times: Sequence[Fraction], between: Interpolate) -> None:
        self._keyframes, self._motion, self._between = shot, motion, between
        found = poses_at(motion, (shot.first, shot.last), times)
        self._poses: dict[Fraction, Keypoints] = dict(zip(times, found, strict=True))
        self._views: dict[int, View] = {}
        self._shot = Shot(self._view, len(shot.frames))

    def pair(self, moment: Moment) -> tuple[Picture, Picture]:
        pair = self._shot.pair(moment.left, moment.right)
        return brought_to_pose(pair, self._people(moment.time), float(moment.weight), self._between)

    def figures(self, place: int) -> Mask:
        """Where a keyframe shows people."""
        return np.asarray(self._shot.alpha(place) > _FIGURE)

    def forget_before(self, place: int) -> None:
        self._views = {at: view for at, view in self._views.items() if at >= place - REACH}
        self._shot.forget_before(place)

    def _people(self, time: Fraction) -> Keypoints:
        return self._poses[time] if time in self._poses else self._motion.keypoints[int(time)]

    def _view(self, place: int) -> View:
        if place not in self._views:
            people = self._motion.keypoints[self._keyframes.frames[place]]
            self._views[place] = view_of(self._keyframes.picture(place), people)
        return self._views[place]
