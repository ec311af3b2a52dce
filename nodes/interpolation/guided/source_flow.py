"""How everything moves in a clip: optical flow between its neighbouring frames, and chains of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...opencv import cv2
from ...video.stream import FrameStream
from ..interpolator import Picture
from .figure_map import Plane
from .read_forward import ReadForward

Flow: TypeAlias = npt.NDArray[np.float32]
"""Where the pixels of one picture lie in another: columns and rows to go, ``(height, width, 2)``."""

SIDE = 512
"""Longest side in pixels of the pictures in which motion is looked for."""

_NEAR = 0.375  # square pixels of a flow: as far as a place followed there and back may land without loss of trust
_NEAR_SHARE = 0.02  # of the square of the way that it went


@dataclass(frozen=True, eq=False)
class Step:
    """Flow from a frame to the next one, and back; at half precision, as many of them are held."""

    onward: npt.NDArray[np.float16]
    back: npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Sight:
    """Where the pixels of a frame lie in another one, and how far that can be trusted, 0..1."""

    flow: Flow
    trust: Plane


class SourceFlow:
    """Flow between neighbouring frames of a clip, which is read once, forward; each step is looked for once.

    Kroeger and others, "Fast optical flow using dense inverse search", ECCV 2016. It looks at no finer pictures than
    of half the size, so its flow is held at that.

    Args:
        clip: whose frames move.
        size: width and height of pictures in whose shape the flow is wanted.
    """

    def __init__(self, clip: FrameStream, size: tuple[int, int]) -> None:
        scale = min(SIDE / max(size), 1)
        self._size = tuple(max(2 * round(side * scale / 2), 2) for side in size)
        self._pictures = ReadForward(self._grey(clip))
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._steps: dict[int, Step] = {}

    def steps(self, first: int, last: int) -> Sequence[Step]:
        """The steps from one frame to a later one; none of them in front of what was forgotten."""
        for index in range(first, last):
            if index not in self._steps:
                before, after = (self._pictures.at(at) for at in (index, index + 1))
                self._steps[index] = Step(self._between(before, after), self._between(after, before))
        return [self._steps[index] for index in range(first, last)]

    def forget_before(self, index: int) -> None:
        """Let go of frames in front of one."""
        self._pictures.forget_before(index)
        self._steps = {at: step for at, step in self._steps.items() if at >= index}

    def _grey(self, clip: FrameStream) -> Iterator[Picture]:
        for chunk in clip.chunks():
            for frame in chunk:
                small = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
                yield np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)

    def _between(self, first: Picture, second: Picture) -> npt.NDArray[np.float16]:
        width, height = self._size
        flow = self._search.calc(first, second, None)
        return np.asarray(cv2.resize(flow, (width // 2, height // 2), interpolation=cv2.INTER_AREA) / 2, np.float16)


class Chain:
    """From any moment between two frames of a clip to these two.

    Args:
        steps: from the first of them to the last; one or more.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._onward = [step.onward.astype(np.float32) for step in steps]
        self._back = [step.back.astype(np.float32) for step in steps]
        still = np.zeros_like(self._onward[0])
        flows = list(zip(self._onward, self._back, strict=True))
        to_first = accumulate(flows, lambda known, step: followed(step[1], known), initial=still)
        from_first = accumulate(flows, lambda known, step: followed(known, step[0]), initial=still)
        to_last = accumulate(reversed(flows), lambda known, step: followed(step[0], known), initial=still)
        from_last = accumulate(reversed(flows), lambda known, step: followed(known, step[1]), initial=still)
        self._first = [_sight(*ways) for ways in zip(to_first, from_first, strict=True)]
        self._last = [_sight(*ways) for ways in zip(to_last, from_last, strict=True)][::-1]

    def at(self, place: float) -> tuple[Sight, Sight]:
        """Where the pixels of a moment lie in the first and in the last frame.

        Args:
            place: of the moment, in frames from the first one on; what lies between two frames goes straight.
        """
        before = min(int(place), len(self._onward) - 1)
        share = np.float32(place - before)
        to_before, to_after = self._back[before] * share, self._onward[before] * (1 - share)
        return _seen_over(to_before, self._first[before]), _seen_over(to_after, self._last[before + 1])


def followed(way: Flow, further: Flow) -> Flow:
    """The flow of ``way``, and then that of ``further`` from where it has led."""
    return way + sampled(further, way)


def _seen_over(way: Flow, sight: Sight) -> Sight:
    return Sight(followed(way, sight.flow), sampled(sight.trust, way))


def _sight(there: Flow, back: Flow) -> Sight:
    missed = (followed(there, back) ** 2).sum(axis=-1)
    allowed = _NEAR + _NEAR_SHARE * (there**2).sum(axis=-1)
    return Sight(there, np.exp(-missed / allowed))


def sampled(picture: Any, flow: Flow) -> Any:
    """A picture, or any other field of its shape, at the places to which a flow leads; its edges go on beyond."""
    columns = flow[..., 0] + np.arange(flow.shape[1], dtype=np.float32)
    rows = flow[..., 1] + np.arange(flow.shape[0], dtype=np.float32)[:, None]
    return cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
