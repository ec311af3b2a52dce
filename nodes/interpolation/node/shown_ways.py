"""What Interpolate Frames shows of its choice: the way of each shot, and known keyframes as every way tells them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from ...host.previews import is_watched, shown_file
from ...keyframes.keyframes import Keyframes
from ...keyframes.strip import as_jpeg
from ...opencv import cv2
from ...video.stream import Picture
from ..guided.gate import JudgedShot, ToldKeyframe

MOST_KEYFRAMES = 48
"""Keyframes that are shown of a clip, as long as each shot has one."""

LONGER_SIDE = 640
BASELINE = "net alone"


class ShownWays:
    """Keeps what the gate tells while a stream is read; the pictures in ComfyUI's temp folder.

    Args:
        keyframes: of the stream.
    """

    def __init__(self, keyframes: Keyframes) -> None:
        self._plan, self._spans = keyframes, keyframes.segments()
        self._shots: dict[int, dict[str, Any]] = {}

    def add(self, shot: JudgedShot) -> None:
        """A shot was chosen for. Nothing is kept of a run that no editor watches."""
        if not is_watched():
            return
        first, last = self._spans[shot.number]
        step = -(-len(shot.keyframes) // max(MOST_KEYFRAMES // len(self._spans), 1)) or 1
        opening = bisect_left(self._plan.frames, first)
        told = [self._shown(one, self._plan.frames[opening + one.place]) for one in shot.keyframes[::step]]
        self._shots[shot.number] = {
            "from": self._seconds(first),
            "to": self._seconds(last + 1),
            "way": shot.way,
            "likeness": _means(shot.keyframes),
            "keyframes": told,
        }

    def as_ui(self) -> dict[str, Any]:
        """For the node, as the ``ui`` of an output: nothing to see where nothing was compared."""
        shots = [self._shots[number] for number in sorted(self._shots)]
        ways = _in_order(way for shot in shots for way in shot["likeness"])
        if not ways:
            return {"frugal_ways": []}
        return {"frugal_ways": [{"ways": ways, "seconds": self._seconds(self._plan.frame_count), "shots": shots}]}

    def _shown(self, keyframe: ToldKeyframe, frame: int) -> dict[str, Any]:
        return {
            "frame": frame,
            "time": self._seconds(frame),
            "width": keyframe.truth.shape[1],
            "height": keyframe.truth.shape[0],
            "likeness": {way: round(value, 3) for way, value in keyframe.likeness.items()},
            "truth": _file(keyframe.truth),
            "told": {way: _file(picture) for way, picture in keyframe.told.items()},
        }

    def _seconds(self, frame: int) -> float:
        return round(float(Fraction(frame) / self._plan.frame_rate), 3)


def _means(keyframes: Iterable[ToldKeyframe]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for one in keyframes:
        for way, value in one.likeness.items():
            found.setdefault(way, []).append(value)
    return {way: round(float(np.mean(values)), 3) for way, values in found.items()}


def _in_order(ways: Iterable[str]) -> list[str]:
    """Each once, the one that needs no motion first: the others are shown beside it."""
    return sorted(dict.fromkeys(ways), key=lambda way: way != BASELINE)


def _file(picture: Picture) -> dict[str, str] | None:
    height, width, _ = picture.shape
    scale = min(1.0, LONGER_SIDE / max(width, height))
    size = round(width * scale) or 1, round(height * scale) or 1
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    return shown_file(as_jpeg(np.asarray(small, np.uint8)), ".jpg")
