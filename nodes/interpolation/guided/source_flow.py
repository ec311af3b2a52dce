"""How everything moves in a clip: optical flow between its neighbouring frames, and chains of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...opencv import cv2
from ...video.read_forward import ReadForward
from ...video.stream import FrameStream, Picture
from .figure_map import Plane

Flow: TypeAlias = npt.NDArray[np.float32]
"""Where the pixels of one picture lie in another: columns and rows to go, ``(height, width, 2)``."""

SIDE = 512
"""Longest side in pixels of the pictures in which motion is looked for."""

_LEAST_SIDE = 16  # pixels

MOST_HELD = 256
"""Steps that are remembered; of more, the later ones are looked for again: 300 MB of 512 x 288 pixels."""

_NEAR = 1.5  # square pixels: as far as a place that is followed there and back may land
_NEAR_SHARE = 0.005  # more of the square of the way that it went

Half: TypeAlias = npt.NDArray[np.float16]
"""A flow or a share as it is held: many of them are."""


@dataclass(frozen=True, eq=False)
class Step:
    """Flow from a frame to the next one, and back."""

    onward: Half
    back: Half


@dataclass(frozen=True, eq=False)
class Sight:
    """Where the pixels of a frame lie in another one, and how far that can be trusted, 0..1."""

    flow: Flow
    trust: Plane


class SourceFlow:
    """Flow between neighbouring frames of a clip, which is read once, forward.

    Kroeger and others, "Fast optical flow using dense inverse search", ECCV 2016; down to single pixels, as limbs are
    thin, and without its smoothing by variations, which drags the background along with them.

    Args:
        clip: whose frames move.
        size: width and height of pictures in whose shape the flow is wanted.
    """

    def __init__(self, clip: FrameStream, size: tuple[int, int]) -> None:
        scale = min(SIDE / max(size), 1)
        self._size = tuple(max(round(side * scale), _LEAST_SIDE) for side in size)
        self._pictures = ReadForward(self._grey(clip))
        self._search = _search()
        self._steps: dict[int, Step] = {}

    def steps(self, first: int, last: int) -> Sequence[Step]:
        """The steps from one frame to a later one; none of them in front of what was forgotten."""
        return [self._step(index) for index in range(first, last)]

    def forget_before(self, index: int) -> None:
        """Let go of frames in front of one."""
        self._pictures.forget_before(index)
        self._steps = {at: step for at, step in self._steps.items() if at >= index}

    def _step(self, index: int) -> Step:
        if index in self._steps:
            return self._steps[index]
        before, after = (self._pictures.at(at) for at in (index, index + 1))
        step = Step(self._flow(before, after), self._flow(after, before))
        if len(self._steps) < MOST_HELD:
            self._steps[index] = step
        return step

    def _flow(self, first: Picture, second: Picture) -> Half:
        found = self._search.calc(first, second, None)  # type: ignore[call-overload]
        return np.asarray(found, np.float16)

    def _grey(self, clip: FrameStream) -> Iterator[Picture]:
        for chunk in clip.chunks():
            for frame in chunk:
                small = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
                yield np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _search() -> cv2.DISOpticalFlow:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    search.setPatchStride(4)
    search.setGradientDescentIterations(12)
    search.setVariationalRefinementIterations(0)
    return search


class Chain:
    """From any moment between two frames of a clip to these two.

    Args:
        steps: from the first of them to the last; one or more.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        still = np.zeros(steps[0].onward.shape, np.float32)
        to_first = accumulate(steps, lambda known, step: followed(step.back, known), initial=still)
        from_first = accumulate(steps, lambda known, step: followed(known, step.onward), initial=still)
        to_last = accumulate(reversed(steps), lambda known, step: followed(step.onward, known), initial=still)
        from_last = accumulate(reversed(steps), lambda known, step: followed(known, step.back), initial=still)
        self._to_first = [_held(*ways) for ways in zip(to_first, from_first, strict=True)]
        self._to_last = [_held(*ways) for ways in zip(to_last, from_last, strict=True)][::-1]

    def at(self, place: float) -> tuple[Sight, Sight]:
        """Where the pixels of a moment lie in the first and in the last frame.

        Args:
            place: of the moment, in frames from the first one on; what lies between two frames goes straight.
        """
        before = min(int(place), len(self._steps) - 1)
        step, share = self._steps[before], np.float32(place - before)
        to_before, to_after = step.back * share, step.onward * (1 - share)
        return _seen_over(to_before, *self._to_first[before]), _seen_over(to_after, *self._to_last[before + 1])


def followed(way: Flow | Half, further: Flow | Half) -> Flow:
    """The flow of ``way``, and then that of ``further`` from where it has led."""
    return np.asarray(way + sampled(further.astype(np.float32), way), np.float32)


def _seen_over(way: Flow | Half, flow: Half, trust: Half) -> Sight:
    return Sight(followed(way, flow), np.asarray(sampled(trust.astype(np.float32), way), np.float32))


def _held(there: Flow, back: Flow) -> tuple[Half, Half]:
    """A flow, and how far it can be trusted: as near as the way back leads to where it began."""
    missed = (followed(there, back) ** 2).sum(axis=-1)
    allowed = _NEAR + _NEAR_SHARE * (there**2).sum(axis=-1)
    return there.astype(np.float16), np.exp(-missed / allowed).astype(np.float16)


def sampled(picture: Any, flow: Flow | Half) -> Any:
    """A picture, or any other field of its shape, at the places to which a flow leads; its edges go on beyond."""
    columns = flow[..., 0] + np.arange(flow.shape[1], dtype=np.float32)
    rows = flow[..., 1] + np.arange(flow.shape[0], dtype=np.float32)[:, None]
    return cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
