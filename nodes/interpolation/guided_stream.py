"""A stream at another frame rate whose frames between follow a motion, or the clip that was edited."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, islice
from math import ceil, floor
from typing import Any, Literal

import numpy as np

from ..errors import InputError
from ..keyframes.keyframes import Bracket, Keyframes
from ..motion.motion import Motion
from ..opencv import cv2
from ..thread_pool import thread_pool
from ..video.read_forward import ReadForward
from ..video.stream import CHUNK, Audio, Frames, FrameStream, Picture
from .guided.choices import Choice, told_choices
from .guided.cutout import HORIZON
from .guided.gate import JudgedShot, ToldKeyframe, compare_ways, tested_keyframes
from .guided.guide_way import GuideWay, check_guide
from .guided.motion_way import MotionWay
from .guided.net_runs import net_runs
from .guided.pair_maker import KeyframesOfShot, Moment, NetAlone, Pair, PairMaker
from .guided.poses import check_motion
from .guided.source_flow import SourceFlow
from .interpolator import Between, Interpolator
from .schedule import schedule
from .stream import InterpolatedStream, blended, is_still

Way = Literal["best", "motion", "guide", "net alone"]
"""How frames between are made: what is best for each shot, with the motion, with the guide, or with neither."""


class GuidedStream(InterpolatedStream):
    """Keyframes, and frames between them in which the figures follow a motion, or all follows another clip.

    Args:
        source, keyframes, frame_rate, interpolator, audio: see ``InterpolatedStream``.
        motion: that the keyframes were made for, on the grid of ``keyframes``.
        way: how frames are made; by ``best`` as it comes nearest to known keyframes, of what there is.
        told: is given a sentence on what was chosen, each time that there is more to tell.
        guide: the clip whose outlines the keyframes have, from the same moment on, at any rate and size.
        tested: is given what each shot was chosen by.

    Raises:
        InputError: ``source`` or ``motion`` has another number of frames than ``keyframes`` tells of; ``guide`` has
            another shape or ends too early; the way needs what is not there.
    """

    def __init__(
        self,
        source: FrameStream,
        keyframes: Keyframes,
        frame_rate: Fraction,
        interpolator: Interpolator[Any],
        motion: Motion | None = None,
        audio: Audio | None = None,
        way: Way = "best",
        told: Callable[[str], None] = lambda _: None,
        guide: FrameStream | None = None,
        tested: Callable[[JudgedShot], None] = lambda _: None,
    ) -> None:
        super().__init__(source, keyframes, frame_rate, interpolator, audio)
        for name, needed in (("motion", motion), ("guide", guide)):
            if way == name and needed is None:
                raise InputError(name, f"nothing, and way '{way}'", f"a {name}", "Connect one, or choose another way.")
        if motion is not None:
            check_motion(motion, keyframes)
        if guide is not None:
            check_guide(guide.info, source.info, keyframes)
        self.motion, self.guide, self.way, self.told, self.tested = motion, guide, way, told, tested

    def net_runs(self) -> int:
        known = 1 + (self.motion is not None) + (self.guide is not None)
        return net_runs(self.keyframes, self.info.frame_rate, known if self.way == "best" else 1)

    def over(self, source: FrameStream) -> GuidedStream:
        rate, net = self.info.frame_rate, self.interpolator
        inputs = self.motion, self.audio, self.way, self.told, self.guide, self.tested
        return GuidedStream(source, self.keyframes, rate, net, *inputs)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        moments = enumerate(schedule(self.keyframes, self.info.frame_rate, self.info.lasts))
        threads = max(cv2.getNumThreads(), 1)  # as many as OpenCV may use
        begun: deque[_Begun] = deque()
        with thread_pool(threads, "figures") as pool:
            window = _GuidedWindow(self, pool)
            while True:  # while the net makes some frames, and they are read, threads work on the next ones
                begun.extend(window.begun(*one) for one in islice(moments, size + threads - len(begun)))
                if not begun:
                    return
                yield window.frames([begun.popleft() for _ in range(min(size, len(begun)))])
                if begun:
                    window.forget_before(begun[0].keyframe)


@dataclass(frozen=True, eq=False)
class _Begun:
    """A frame that is shown as it is, or one that is at work.

    Attributes:
        keyframe: number of the one before it.
        found: the frame, or the pair that it is made of.
        weight: share of the right picture.
    """

    keyframe: int
    found: Picture | Future[Pair]
    weight: Fraction


class _GuidedWindow:
    """The keyframes at work, moving forward through the source."""

    def __init__(self, stream: GuidedStream, pool: Executor) -> None:
        self._pool = pool  # OpenCV and NumPy let go of the interpreter
        self._stream, self._plan, self._interpolator = stream, stream.keyframes, stream.interpolator
        self._step = stream.keyframes.frame_rate / stream.info.frame_rate
        self._pictures = ReadForward(frame for chunk in stream.source.chunks() for frame in chunk)
        info = stream.source.info
        self._flow = SourceFlow(stream.guide, (info.width, info.height)) if stream.guide is not None else None
        self._shots = _shots(stream.keyframes)
        self._number = -1
        self._makers: Mapping[str, PairMaker] = {}
        self._choices: list[Choice] = []

    def begun(self, number: int, bracket: Bracket) -> _Begun:
        """Begin a frame, which is nowhere before the last one."""
        left, right = self._pictures.at(bracket.left), self._pictures.at(bracket.right)
        found: Picture | Future[Pair] = left
        if bracket.left != bracket.right:
            if is_still(left, right):
                found = blended(left, right, bracket.weight)
            else:
                found = self._pool.submit(self._work(number, bracket))
        return _Begun(bracket.left, found, bracket.weight)

    def frames(self, begun: Sequence[_Begun]) -> Frames:
        """The frames that were begun."""
        found = [one.found.result() if isinstance(one.found, Future) else one.found for one in begun]
        pairs = [(pair, one.weight) for pair, one in zip(found, begun, strict=True) if isinstance(pair, Pair)]
        made = iter(self._fused(pairs))
        return np.stack([next(made) if isinstance(one, Pair) else one for one in found])

    def _work(self, number: int, bracket: Bracket) -> Callable[[], Pair]:
        self._enter(bracket.left)
        places = bracket.left - self._first, bracket.right - self._first
        return self._maker.work(Moment(*places, number * self._step, bracket.weight))

    def _fused(self, pairs: Sequence[tuple[Pair, Fraction]]) -> list[Picture]:
        """Whole frames of pairs and the shares of their right pictures."""
        found: list[Picture] = []
        for size, same in groupby(pairs, lambda one: None if one[0].is_still else one[0].left.shape):
            make = self._made if size else self._blended  # the net takes pictures of one size
            found.extend(make(list(same)))
        return [pair.frame(fused) for (pair, _), fused in zip(pairs, found, strict=True)]

    def _made(self, pairs: Sequence[tuple[Pair, Fraction]]) -> Frames:
        prepare = self._interpolator.prepare
        wanted = [Between(prepare(pair.left), prepare(pair.right), weight) for pair, weight in pairs]
        return self._interpolator.make(wanted)

    @staticmethod
    def _blended(pairs: Sequence[tuple[Pair, Fraction]]) -> Frames:
        return np.stack([blended(pair.left, pair.right, weight) for pair, weight in pairs])

    def _plain(self, left: Picture, right: Picture, share: float) -> Picture:
        """A picture between two by the net alone."""
        return self._fused([(Pair(left, right), Fraction(share).limit_denominator(1 << 16))])[0]

    def _enter(self, keyframe: int) -> None:
        """Begin the shot of a keyframe, if that is another one than before.

        What stands still in front of that keyframe is no part of it: it tells nothing of people, and may be long.
        """
        number = bisect_right(self._shots, keyframe) - 1
        if number == self._number:
            return
        self._number, self._first = number, keyframe
        end = self._shots[number + 1] if number + 1 < len(self._shots) else len(self._plan.frames)
        first, segment = self._first, self._plan.segments()[number]
        frames = self._plan.frames[first:end]
        shot = KeyframesOfShot(*segment, frames, lambda place: self._pictures.at(first + place))
        self._last, self._makers = end - 1, self._makers_of(shot)
        self._maker = self._makers[self._chosen(shot)]

    def _makers_of(self, shot: KeyframesOfShot) -> Mapping[str, PairMaker]:
        """The ways for which there is all that they need, the cheapest first."""
        makers: dict[str, PairMaker] = {"net alone": NetAlone(shot)}
        motion, guide = self._stream.motion, self._stream.guide
        if motion is not None:
            moments = range(ceil(shot.first / self._step), floor(shot.last / self._step) + 1)
            times = [moment * self._step for moment in moments]
            makers["motion"] = MotionWay(shot, motion, times, self._plain, self._pool)
        if self._flow is not None and guide is not None:
            rate = guide.info.frame_rate / self._plan.frame_rate
            makers["guide"] = GuideWay(shot, self._flow, rate, guide.info.frame_count)
        return makers

    def _chosen(self, shot: KeyframesOfShot) -> str:
        """By which way the frames of a shot are made."""
        if self._stream.way != "best":
            return self._stream.way
        motion = self._makers.get("motion")
        if isinstance(motion, MotionWay):
            motion.begin(0, max(tested_keyframes(len(shot.frames)), default=0) + 1)
        ways = {name: self._telling(shot, maker) for name, maker in self._makers.items()}
        seen: list[ToldKeyframe] = []
        figures = motion.figures if isinstance(motion, MotionWay) else None
        likeness = compare_ways(shot, ways, figures, self._pool, seen.append)
        # Not every picture has the outlines of its guide: unproven, that would tear limbs.
        way = likeness.best if likeness else "motion" if motion else "net alone"
        if isinstance(motion, MotionWay) and way != "motion":
            motion.leave()
        self._choices.append(Choice(way, likeness))
        self._stream.told(told_choices(self._choices, len(self._shots), [*self._makers][1:]))
        self._stream.tested(JudgedShot(self._number, way, seen))
        return way

    def _telling(self, shot: KeyframesOfShot, maker: PairMaker) -> Callable[[int], Picture]:
        """Makes a tested keyframe from those beside it."""
        moments = {place: shot.told_from_neighbours(place) for place in tested_keyframes(len(shot.frames))}
        pairs = {place: self._pool.submit(maker.work(moment)) for place, moment in moments.items()}
        return lambda place: self._fused([(pairs[place].result(), moments[place].weight)])[0]

    def forget_before(self, keyframe: int) -> None:
        """Let go of what only frames before a keyframe need."""
        self._pictures.forget_before(keyframe - HORIZON)
        for maker in self._makers.values():
            maker.forget_before(max(min(keyframe, self._last) - self._first, 0))


def _shots(keyframes: Keyframes) -> list[int]:
    """Number of each shot's first keyframe."""
    return [bisect_left(keyframes.frames, first) for first, _ in keyframes.segments()]
