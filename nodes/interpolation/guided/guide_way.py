"""Frames in which all moves as it does in the clip that was edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import ceil

import numpy as np

from ...errors import InputError
from ...keyframes.keyframes import Keyframes
from ...opencv import cv2
from ...video.decode import FileStream
from ...video.stream import FrameStream, Picture, VideoInfo
from .figure_map import Plane
from .pair_maker import KeyframesOfShot, Moment, Pair
from .source_flow import Chain, Flow, SourceFlow, sampled

MOST_RATE = Fraction(60)
"""Frames per second of a guide beyond which nothing is gained."""

ASPECT_TOLERANCE = 0.05
"""Share by which the aspect of a guide may differ: sizes are rounded."""


class GuideWay:
    """A ``PairMaker``: both keyframes are bent as the guide moves.

    Where one of them cannot be followed (something covers it), the other one is shown in both.

    Args:
        shot: whose frames are made.
        flow: of the guide.
        rate: frames of the guide per frame of the plan's grid.
        count: of the guide's frames.
    """

    def __init__(self, shot: KeyframesOfShot, flow: SourceFlow, rate: Fraction, count: int) -> None:
        self._shot, self._flow, self._rate = shot, flow, rate
        self._places = [min(nearest(frame * rate), count - 1) for frame in shot.frames]
        self._chain: tuple[tuple[int, int], Chain] | None = None
        flow.forget_before(self._places[0])

    def work(self, moment: Moment) -> Callable[[], Pair]:
        left, right = self._shot.picture(moment.left), self._shot.picture(moment.right)
        first, last = self._places[moment.left], self._places[moment.right]
        if first == last:  # a guide with fewer frames than there are keyframes
            return partial(Pair, left, right)
        place = min(max(moment.time * self._rate, Fraction(first)), Fraction(last)) - first
        return partial(_bent, left, right, self._chained(first, last), float(place))

    def forget_before(self, place: int) -> None:
        self._flow.forget_before(self._places[place])

    def _chained(self, first: int, last: int) -> Chain:
        if self._chain is None or self._chain[0] != (first, last):
            self._chain = (first, last), Chain(self._flow.steps(first, last))
        return self._chain[1]


def _bent(left: Picture, right: Picture, chain: Chain, place: float) -> Pair:
    """Both keyframes as their flows say, each with the other one where that can be trusted more."""
    to_left, to_right = chain.at(place)
    height, width = left.shape[:2]
    first, second = _picked(left, to_left.flow), _picked(right, to_right.flow)
    more = np.asarray(cv2.resize(to_left.trust - to_right.trust, (width, height)), np.float32)[..., None]
    first_alone, second_alone = _alone(more), _alone(-more)
    made = (first + (second - first) * second_alone, second + (first - second) * first_alone)
    one, other = (np.clip(picture, 0, 255).round().astype(np.uint8) for picture in made)
    return Pair(one, other)


def _alone(more: Plane) -> Plane:
    """How far a picture stands for both that can be trusted so much more than the other."""
    return np.asarray(np.clip(2 * more - 0.5, 0, 1), np.float32)


def _picked(picture: Picture, flow: Flow) -> Plane:
    """The pixels of a picture to which a flow leads."""
    height, width = picture.shape[:2]
    scale = np.array((width / flow.shape[1], height / flow.shape[0]), np.float32)
    return np.asarray(sampled(picture, cv2.resize(flow, (width, height)) * scale), np.float32)


def nearest(place: Fraction) -> int:
    """The frame at a time; of two that are equally near the earlier, as clips are decoded."""
    return ceil(place - Fraction(1, 2))


def at_own_rate(guide: FrameStream) -> FrameStream:
    """A clip with all frames that its file has, up to ``MOST_RATE``; any other stream as it is."""
    if not isinstance(guide, FileStream):
        return guide
    rate = min(guide.source.frame_rate, MOST_RATE)
    return guide if rate == guide.info.frame_rate else FileStream(guide.path, replace(guide.settings, frame_rate=rate))


def check_guide(guide: VideoInfo, frames: VideoInfo, keyframes: Keyframes) -> None:
    """Whether a guide can be that of some keyframes.

    Raises:
        InputError: its picture has another shape, or it ends before the last keyframe.
    """
    wanted, found = (one.width / one.height for one in (frames, guide))
    if max(wanted, found) > min(wanted, found) * (1 + ASPECT_TOLERANCE):
        remedy = "Load it with the size and fit of the clip that was edited: it must show the same part of the picture."
        allowed = f"the shape of the frames, {frames.width} x {frames.height}"
        raise InputError("guide", f"{guide.width} x {guide.height} pixels", allowed, remedy)
    last = keyframes.frames[-1] / keyframes.frame_rate
    if guide.duration <= last:
        allowed = f"more than the {float(last):.2f} s from the first frame to the last keyframe"
        remedy = "Connect the clip that was edited, from the same start on, whole."
        raise InputError("guide", f"{float(guide.duration):.2f} s", allowed, remedy)
