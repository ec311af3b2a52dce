"""When things happen: time maps, resampling, reversing, loops.

A time map is an array of source times in frames, one per new frame, 0 being the first source frame.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ...errors import InputError
from ..limbs import mixed, to_keypoints, to_points
from ..motion import Motion

Times: TypeAlias = npt.NDArray[np.float64]
"""In frames."""

Seconds: TypeAlias = npt.NDArray[np.float64]
"""From the first frame on."""

LONGEST_HOLD = 0.9
"""Share of a pose's time that it is held at ``hold`` 1; the rest is the snap to the next."""

_POSE_SECONDS = (0.3, 0.8)  # shortest and longest time from one key pose to the next
_FADE_SECONDS = 0.6
_LOOP_TRIM = 0.25  # at most this share of the clip is left out to find a better seam


def tempo_map(frames: int, tempo: float, ease: float = 0.0) -> Times:
    """Times of a clip played ``tempo`` times as fast, from its first to its last frame.

    Args:
        frames: of the source.
        tempo: above 0; 2 gives half the frames.
        ease: 0..1: how much slower it starts and ends, and how much faster it is in between; 1 starts from rest.
    """
    if frames < 2:
        return np.zeros(frames)
    progress = np.linspace(0, 1, max(2, round((frames - 1) / tempo) + 1))
    return np.asarray((frames - 1) * (progress + ease * (smoothstep(progress) - progress)))


def hold_map(times: Times, keys: npt.NDArray[np.intp], hold: float) -> Times:
    """Stay at each key pose, then snap to the next.

    Args:
        times: a time map.
        keys: rising source frames of key poses, the first and the last frame among them.
        hold: 0..1; 0 changes nothing.

    Returns:
        A time map of the same length that still rises wherever ``times`` does or holds; key frames keep their time.
    """
    if hold == 0 or len(keys) < 2:
        return times
    pose = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, len(keys) - 2)
    start, width = keys[pose].astype(np.float64), np.diff(keys)[pose]
    moved = np.clip(((times - start) / width - 0.5) / (1 - LONGEST_HOLD * hold) + 0.5, 0, 1)
    return np.asarray(start + width * (moved + hold * (smoothstep(moved) - moved)))


def key_poses(motion: Motion) -> npt.NDArray[np.intp]:
    """Frames at which the people move least, 0.3 to 0.8 s apart; the first and the last frame are among them."""
    frames, rate = motion.frame_count, float(motion.frame_rate)
    if frames < 3:
        return np.arange(frames)
    step = np.abs(np.diff(to_points(motion), axis=0))
    found = motion.keypoints[..., 2] > 0
    both = found[1:] & found[:-1]
    speed = (step * both).sum(axis=(1, 2)) / np.maximum(both.sum(axis=(1, 2)), 1)
    shortest, longest = (max(1.0, seconds * rate) for seconds in _POSE_SECONDS)
    still, _ = find_peaks(-gaussian_filter1d(speed, 0.08 * rate), distance=shortest)
    inside = still[(still >= shortest) & (still <= frames - 1 - shortest)]
    marks = np.concatenate(([0], inside, [frames - 1]))
    parts = [np.linspace(a, b, int(np.ceil((b - a) / longest)), endpoint=False) for a, b in pairwise(marks)]
    return np.append(np.unique(np.rint(np.concatenate(parts)).astype(np.intp)), frames - 1)


def resample(motion: Motion, times: Times) -> Motion:
    """The motion as it is at other times.

    Positions follow a cubic spline; a joint is missing where the nearest source frame lacks it. Whole times return
    their frames exactly.

    Args:
        motion: of one frame at least, unless ``times`` is empty.
        times: source times in frames, in any order; those outside the clip are moved to its ends.

    Raises:
        InputError: there is nothing to take a frame from.
    """
    frames = motion.frame_count
    if not frames and len(times):
        raise InputError("motion", "no frames", "a motion of one frame or more")
    times = np.clip(times, 0, max(frames - 1, 0))
    nearest = np.rint(times).astype(np.intp)
    if np.array_equal(times, nearest) or motion.keypoints.size == 0:
        return motion.with_keypoints(motion.keypoints[nearest])
    points = to_points(motion)
    plane = np.concatenate((points.real, points.imag), axis=2)
    real, imag = np.split(make_interp_spline(np.arange(frames), plane, k=3 if frames > 3 else 1)(times), 2, axis=2)
    confidence = motion.keypoints[..., 2]
    below = np.minimum(np.floor(times).astype(np.intp), frames - 2)
    share = (times - below)[:, None, None]
    between = confidence[below] * (1 - share) + confidence[below + 1] * share
    source = motion.keypoints[nearest].copy()
    source[..., 2] = np.where(source[..., 2] > 0, np.where(between > 0, between, source[..., 2]), 0)
    between_frames = to_keypoints(real + 1j * imag, source, motion.width / motion.height)
    whole = (times == nearest)[:, None, None, None]
    return motion.with_keypoints(np.where(whole, motion.keypoints[nearest], between_frames))


def reverse(motion: Motion) -> Motion:
    """The motion from its last frame to its first."""
    return motion.with_keypoints(motion.keypoints[::-1])


def loop(motion: Motion) -> Motion:
    """A motion whose last frame goes on into its first, in position and in speed.

    The end is cross-faded over the beginning for 0.6 s, and the clip ends where that overlap fits the beginning best
    (as in video textures: Schödl and others, SIGGRAPH 2000). The result is shorter by the cross-fade and by at most a
    quarter of the clip. A clip of fewer than 6 frames stays as it is.
    """
    frames = motion.frame_count
    fade = min(round(_FADE_SECONDS * motion.frame_rate), frames // 3)
    if fade < 2 or motion.keypoints.size == 0:
        return motion
    points = to_points(motion)
    seam = _best_seam(points, fade, float(motion.frame_rate))
    share = smoothstep(np.arange(fade) / fade)
    opening = mixed(points[seam : seam + fade], points[:fade], share)
    source = np.where(share[:, None, None, None] < 0.5, motion.keypoints[seam : seam + fade], motion.keypoints[:fade])
    faded = to_keypoints(opening, source, motion.width / motion.height)
    return motion.with_keypoints(np.concatenate((faded, motion.keypoints[fade:seam])))


def _best_seam(points: npt.NDArray[np.complex128], fade: int, rate: float) -> int:
    """The frame whose following ``fade`` frames are most like the first ones, in pose and speed."""
    frames = len(points)
    middle = points[fade // 2 : len(points) - (fade - fade // 2) + 1].reshape(-1, points[0].size)
    speed = np.asarray(np.gradient(middle, axis=0)) * rate * 0.2
    first = max(2 * fade, round((1 - _LOOP_TRIM) * frames)) - fade
    candidates = np.arange(min(first, frames - fade), frames - fade + 1)
    apart = np.abs(middle[candidates] - middle[0]).mean(axis=1) + np.abs(speed[candidates] - speed[0]).mean(axis=1)
    return int(candidates[np.argmin(apart)])


def smoothstep(progress: Times) -> Times:
    """0..1 as 0..1, starting and ending with speed 0: Hermite's cubic."""
    return progress * progress * (3 - 2 * progress)
