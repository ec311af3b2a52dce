"""A stream at another frame rate whose frames between follow a motion."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from math import ceil, floor
from typing import Any, Literal

import numpy as np

from ..keyframes.keyframes import Bracket, Keyframes
from ..motion.motion import Keypoints, Motion
from ..video.stream import CHUNK, Audio, Frames, FrameStream
from .guided.composition import brought_to_pose
from .guided.cutout import REACH, Shot, View, view_of
from .guided.gate import JudgedShot, Likeness, ToldKeyframe, compare_ways
from .guided.net_runs import net_runs
from .guided.poses import check_motion, poses_at
from .interpolator import Between, Interpolator, Picture
from .schedule import schedule
from .stream import InterpolatedStream, blended, is_still

Way = Literal["best", "motion", "net alone"]
"""How frames between are made: with the motion where that is better, always, or never."""


class GuidedStream(InterpolatedStream):
    """Keyframes, and frames between them in which the figures follow a motion.

    Args:
        source, keyframes, frame_rate, interpolator, audio: see ``InterpolatedStream``.
        motion: that the keyframes were made for, on the grid of ``keyframes``.
        way: how frames are made.
        told: is given a sentence on what was chosen, each time that there is more to tell.
        tested: is given what each shot was chosen by.

    Raises:
        InputError: ``source`` or ``motion`` has another number of frames than ``keyframes`` tells of.
    """

    def __init__(
        self,
        source: FrameStream,
        keyframes: Keyframes,
        frame_rate: Fraction,
        interpolator: Interpolator[Any],
        motion: Motion,
        audio: Audio | None = None,
        way: Way = "best",
        told: Callable[[str], None] = lambda _: None,
        tested: Callable[[JudgedShot], None] = lambda _: None,
    ) -> None:
        super().__init__(source, keyframes, frame_rate, interpolator, audio)
        check_motion(motion, keyframes)
        self.motion, self.way, self.told, self.tested = motion, way, told, tested

    def net_runs(self) -> int:
        return net_runs(self.keyframes, self.info.frame_rate, 2 if self.way == "best" else 1)

    def over(self, source: FrameStream) -> GuidedStream:
        rate, net, report = self.info.frame_rate, self.interpolator, (self.told, self.tested)
        return GuidedStream(source, self.keyframes, rate, net, self.motion, self.audio, self.way, *report)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        window = _GuidedWindow(self)
        moments = enumerate(schedule(self.keyframes, self.info.frame_rate))
        while wanted := list(islice(moments, size)):
            yield window.frames(wanted)


class _GuidedWindow:
    """The keyframes at work, moving forward through the source."""

    def __init__(self, stream: GuidedStream) -> None:
        self._motion, self._plan, self._interpolator = stream.motion, stream.keyframes, stream.interpolator
        self._way, self._told, self._tested = stream.way, stream.told, stream.tested
        self._step = stream.keyframes.frame_rate / stream.info.frame_rate
        self._pictures = _Pictures(stream.source)
        self._views: dict[int, View] = {}
        self._shots = _shots(stream.keyframes)
        self._number = -1
        self._choices: list[Likeness | None] = []

    def frames(self, moments: Sequence[tuple[int, Bracket]]) -> Frames:
        """The frames of those numbers, which is nowhere before those of the last call."""
        found: list[Picture | None] = []
        wanted: list[Between[Any]] = []
        for number, bracket in moments:
            left, right = self._pictures.at(bracket.left), self._pictures.at(bracket.right)
            if bracket.left == bracket.right:
                found.append(left)
            elif is_still(left, right):
                found.append(blended(left, right, bracket.weight))
            else:
                found.append(None)
                wanted.append(self._between(number, bracket))
        made = iter(self._interpolator.make(wanted) if wanted else ())
        self._forget_before(moments[-1][1].left)
        return np.stack([next(made) if frame is None else frame for frame in found])

    def _between(self, number: int, bracket: Bracket) -> Between[Any]:
        self._enter(bracket.left)
        if not self._follows:
            left, right = (self._pictures.at(index) for index in (bracket.left, bracket.right))
            return self._prepared(left, right, bracket.weight)
        places = bracket.left - self._first, bracket.right - self._first
        return self._guided(*places, self._poses[number - self._first_moment], bracket.weight)

    def _guided(self, left: int, right: int, people: Keypoints, weight: Fraction) -> Between[Any]:
        """Two keyframes of the shot, brought to a pose."""
        cutouts, move = (self._shot.cutout(left), self._shot.cutout(right)), self._shot.move(right, left)
        pair = brought_to_pose(*cutouts, move, people, float(weight), self._plain)
        return self._prepared(*pair, weight)

    def _prepared(self, left: Picture, right: Picture, weight: Fraction) -> Between[Any]:
        return Between(self._interpolator.prepare(left), self._interpolator.prepare(right), weight)

    def _plain(self, left: Picture, right: Picture, share: float) -> Picture:
        """A picture between two by the net alone."""
        weight = Fraction(share).limit_denominator(1 << 16)
        return np.asarray(self._interpolator.make([self._prepared(left, right, weight)])[0], np.uint8)

    def _enter(self, keyframe: int) -> None:
        """Begin the shot of a keyframe, if that is another one than before."""
        number = bisect_right(self._shots, keyframe) - 1
        if number == self._number:
            return
        first = self._shots[number]
        end = self._shots[number + 1] if number + 1 < len(self._shots) else len(self._plan.frames)
        self._number, self._first = number, first
        self._shot = Shot(lambda place: self._view(first + place), end - first)
        segment = self._plan.segments()[number]
        self._first_moment = ceil(segment[0] / self._step)
        moments = range(self._first_moment, floor(segment[1] / self._step) + 1)
        self._poses = poses_at(self._motion, segment, [moment * self._step for moment in moments])
        self._follows = self._choose(end - first)

    def _choose(self, count: int) -> bool:
        """Whether the frames of this shot follow the motion."""
        if self._way != "best":
            return self._way == "motion"
        seen: list[ToldKeyframe] = []
        likeness = compare_ways(self._shot, count, self._tested_guided, self._tested_plain, seen.append)
        follows = likeness is None or likeness.is_guided_better
        self._choices.append(likeness)
        self._told(told_choices(self._choices, len(self._shots)))
        self._tested(JudgedShot(self._number, "motion" if follows else "net alone", seen))
        return follows

    def _tested_guided(self, place: int) -> Picture:
        people = self._motion.keypoints[self._plan.frames[self._first + place]]
        between = self._guided(place - 1, place + 1, people, self._weight(place))
        return np.asarray(self._interpolator.make([between])[0], np.uint8)

    def _tested_plain(self, place: int) -> Picture:
        left, right = (self._shot.picture(at) for at in (place - 1, place + 1))
        return self._plain(left, right, float(self._weight(place)))

    def _weight(self, place: int) -> Fraction:
        """Of the keyframe behind a place, at that place."""
        before, frame, after = (self._plan.frames[self._first + at] for at in (place - 1, place, place + 1))
        return Fraction(frame - before, after - before)

    def _view(self, keyframe: int) -> View:
        if keyframe not in self._views:
            people = self._motion.keypoints[self._plan.frames[keyframe]]
            self._views[keyframe] = view_of(self._pictures.at(keyframe), people)
        return self._views[keyframe]

    def _forget_before(self, keyframe: int) -> None:
        oldest = keyframe - REACH
        self._views = {at: view for at, view in self._views.items() if at >= oldest}
        self._pictures.forget_before(oldest)
        if self._number >= 0:
            self._shot.forget_before(keyframe - self._first)


def told_choices(choices: Sequence[Likeness | None], shots: int) -> str:
    """What was chosen for the shots so far, in a sentence."""
    followed = sum(one is None or one.is_guided_better for one in choices)
    known = [one for one in choices if one is not None]
    if shots == 1:
        what = "figures follow the motion" if followed else "the motion does not fit the pictures: the net alone"
    else:
        what = f"figures follow the motion in {followed} of {len(choices)} shots"
    if not known:
        return f"{what}; too few keyframes to compare"
    mean = Likeness(*np.mean([(one.guided, one.plain) for one in known], axis=0))
    return f"{what}; {mean}"


class _Pictures:
    """Keyframes as they are read: forward, and those that are still needed."""

    def __init__(self, source: FrameStream) -> None:
        self._coming = enumerate(frame for chunk in source.chunks() for frame in chunk)
        self._held: dict[int, Picture] = {}

    def at(self, index: int) -> Picture:
        """A keyframe that was not forgotten."""
        while index not in self._held:
            read, picture = next(self._coming)
            self._held[read] = picture
        return self._held[index]

    def forget_before(self, index: int) -> None:
        """Let go of those in front of one."""
        self._held = {at: picture for at, picture in self._held.items() if at >= index}


def _shots(keyframes: Keyframes) -> list[int]:
    """Number of each shot's first keyframe."""
    return [bisect_left(keyframes.frames, first) for first, _ in keyframes.segments()]
