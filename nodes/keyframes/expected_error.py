"""What interpolation can be expected to leave wrong between two frames of a clip, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..motion.limbs import body_heights, to_points
from ..motion.motion import BODY_JOINTS, Motion
from ..opencv import cv2
from .appearance import SIDE, Thumbnails

Array: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]

Errors: TypeAlias = Callable[[int], Array]
"""For a gap, the error between every frame that has one and the frame ``gap`` later, ``(frames - gap,)``."""

_PICTURE = 300.0  # a picture's mean squared error, black to white 1, against a joint's, a body's height 1
_SIGHT = 0.2  # of a joint that comes into sight or leaves it, in body heights
_REACH = 0.02  # how much the way between keyframes counts, against curving
_BLOCK = 64
_ALIKE = 16  # gaps that begin within this part of their length of each other err alike
_LOOKS = 6  # times within a gap at which pictures are compared, at most


def expected_errors(
    motion: Motion | None, small: Thumbnails | None, on_frames: Callable[[int], object] = lambda _: None
) -> Errors:
    """The error by what is known of a clip: its motion, its pictures, or both.

    Args:
        on_frames: called with the number of frames done, as many times as gaps are asked for; may raise to stop.
    """
    known = []
    if motion is not None:
        told = on_frames if small is None else lambda _: None  # pictures take nearly all of the time
        known.append(line_errors(motion_features(motion), on_frames=told))
    if small is not None:
        pictures = picture_errors(small, on_frames)
        known.append(lambda gap: np.float32(_PICTURE) * pictures(gap))
    return lambda gap: np.asarray(sum(errors(gap) for errors in known), np.float32)


def motion_features(motion: Motion) -> Array:
    """Every joint's place in body heights, and whether it is seen, ``(frames, people * 18 * 3)``."""
    points = to_points(motion)
    body = points[..., : len(BODY_JOINTS)] / body_heights(points)[:, None]
    seen = _SIGHT * (motion.keypoints[:, :, : len(BODY_JOINTS), 2] > 0)
    return np.stack((body.real, body.imag, seen), axis=-1).reshape(motion.frame_count, -1).astype(np.float32)


def line_errors(features: Array, reach: float = _REACH, on_frames: Callable[[int], object] = lambda _: None) -> Errors:
    """Squared distance of features ``(frames, values)`` from the straight line between a gap's ends, summed over it.

    What curves away from the line, as interpolation draws it, is the error; so is a share of the way itself, since long
    ways are interpolated worse. Running sums make a long gap as cheap as a short one.

    Args:
        on_frames: called with the number of frames done, once for every gap; may raise to stop.
    """
    places = features - features.mean(axis=0, dtype=np.float64)
    sums = _running_sums(places)
    by_time = _running_sums(np.arange(len(places))[:, None] * places)
    squares = _running_sums((places**2).sum(axis=1))

    def of_gap(gap: int) -> Array:
        frames = len(places) - gap
        between = slice(1, frames + 1), slice(gap, frames + gap)  # a gap's ends are not among its frames
        summed, summed_by_time, squared = (run[between[1]] - run[between[0]] for run in (sums, by_time, squares))
        first, way = places[:frames], places[gap:] - places[:frames]
        # |offset - line|^2, multiplied out, where both start at the gap's first frame.
        offsets = squared - 2 * (first * summed).sum(axis=1) + (gap - 1) * (first**2).sum(axis=1)
        steps_times_places = summed_by_time - np.arange(frames)[:, None] * summed
        product = (way * (steps_times_places / gap - (gap - 1) / 2 * first)).sum(axis=1)
        length = (way**2).sum(axis=1)
        line = (gap - 1) * (2 * gap - 1) / (6 * gap) * length
        nearness = gap**2 // 4 / gap  # frames to the nearer end, summed, in gaps
        on_frames(frames)
        return np.asarray(np.maximum(offsets - 2 * product + line, 0) + reach * nearness * length, np.float32)

    return of_gap


def _running_sums(values: Doubles) -> Doubles:
    """Sums of the first 0, 1, 2… rows."""
    return np.concatenate((np.zeros_like(values[:1]), values.cumsum(axis=0)))


def picture_errors(small: Thumbnails, on_frames: Callable[[int], object] = lambda _: None) -> Errors:
    """Mean squared error (0..1) of pictures that are bent from a gap's ends along optical flow, summed over the gap.

    A small picture of what interpolation will do: flow both ways (Kroeger and others, "Fast optical flow using dense
    inverse search", ECCV 2016), both ends brought to the time between them and blended by nearness. Long gaps that
    begin nearly together are not all compared.

    Args:
        on_frames: called with the number of frames done, a block at a time; may raise to stop.
    """
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in small]

    def of_block(starts: Sequence[int], gap: int) -> Array:
        flow = _flow_of_small_pictures()
        return np.array([_bent_error(flow, grey, small, start, gap) for start in starts], np.float32)

    def of_gap(gap: int) -> Array:
        frames = len(small) - gap
        stride = max(gap // _ALIKE, 1)
        starts = [*range(0, frames - 1, stride), frames - 1] if frames > 0 else []
        blocks = [starts[first : first + _BLOCK] for first in range(0, len(starts), _BLOCK)]
        errors = [np.zeros(0, np.float32)]
        with ThreadPoolExecutor() as pool:  # OpenCV lets go of the interpreter
            for done in pool.map(lambda block: of_block(block, gap), blocks):
                on_frames(len(done) * stride)
                errors.append(done)
        known = np.concatenate(errors)
        return known if stride == 1 else np.interp(np.arange(frames), starts, known).astype(np.float32)

    return of_gap


def _flow_of_small_pictures() -> cv2.DISOpticalFlow:
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow.setFinestScale(0)
    return flow


def _bent_error(
    flow: cv2.DISOpticalFlow, grey: list[npt.NDArray[np.uint8]], small: Thumbnails, at: int, gap: int
) -> float:
    end = at + gap
    there = flow.calc(grey[at], grey[end], None)  # type: ignore[call-overload]  # OpenCV's stub wants an array to fill
    back = flow.calc(grey[end], grey[at], None)  # type: ignore[call-overload]
    steps = sorted({round(gap * (look + 1) / (_LOOKS + 1)) for look in range(_LOOKS)} - {0, gap})
    error = 0.0
    for step in steps:
        time = step / gap
        begun = _bent(small[at], there, time).astype(np.float32)
        ending = _bent(small[end], back, 1 - time).astype(np.float32)
        error += float(((begun + time * (ending - begun) - small[at + step]) ** 2).mean())
    return error * (gap - 1) / len(steps) / 255**2 if steps else 0.0


_ROWS, _COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


def _bent(picture: npt.NDArray[np.uint8], flow: Array, share: float) -> npt.NDArray[np.uint8]:
    """The picture after a share of its flow, which is taken to be the same a little further on."""
    columns, rows = _COLUMNS - share * flow[..., 0], _ROWS - share * flow[..., 1]
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
