"""From a clip and its motion to the frames that are worth sampling."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

from ..errors import InputError
from ..motion.motion import Motion
from ..video.stream import FrameStream
from .adaptive import LONGEST_GAP, adaptive
from .appearance import find_cuts, thumbnails
from .expected_error import Errors, expected_errors
from .strip import curve, film
from .uniform import every_nth

METHODS = ("adaptive", "even")
BETWEEN = ("net", "motion")
"""How frames between are made: by a net alone, or so that their figures follow the motion."""


def planned(
    motion: Motion | None,
    video: FrameStream | None,
    grid: tuple[int, Fraction],
    every: int,
    method: str,
    cuts: bool,
    progress: Callable[[int], Callable[[int], object]],
    between: str = BETWEEN[0],
) -> dict[str, Any]:
    """The plan, and what the strip shows behind it.

    Args:
        video: where cuts and what the motion does not show are looked for; ``None`` for neither.
        grid: see ``grid_of``.
        every: one frame in so many is a keyframe; as many are spread by an adaptive plan.
        method: one of ``METHODS``.
        cuts: whether cuts in the video count.
        progress: for a number of frames to do, gives what is called with those done; that may raise to stop.
        between: one of ``BETWEEN``. Where figures follow the motion, what the video shows tells little of what will be
            wrong (``bench/keyframes.py``).

    Returns:
        ``plan``, ``curve`` and ``film``.

    Raises:
        InputError: the motion is to be followed, and there is none.
    """
    follows = method == "adaptive" and between == "motion"
    if follows and motion is None:
        remedy = "Connect the motion that Draw Pose gets, or choose net."
        raise InputError("motion", "nothing", "a motion, where frames between follow it", remedy)
    frame_count, frame_rate = grid
    small = thumbnails(video, progress(frame_count)) if video is not None else None
    found = find_cuts(small) if small is not None and cuts else ()
    plan = every_nth(frame_count, frame_rate, every, found)
    errors: Errors | None = None
    if method == "adaptive":
        shown = None if follows else small
        errors = cache(expected_errors(motion, shown, progress(frame_count * min(LONGEST_GAP * every, frame_count))))
        plan = adaptive(errors, frame_count, frame_rate, len(plan.frames), found)
    elif motion is not None:
        errors = expected_errors(motion, None)
    return {
        "plan": plan,
        "curve": curve(errors, frame_count, max(every, 2)) if errors else [],
        "film": film(small) if small is not None else None,
    }


def grid_of(motion: Motion | None, video: FrameStream | None) -> tuple[int, Fraction]:
    """Frame count and frame rate, of the motion where there is one.

    Raises:
        InputError: neither is given, or they are of different clips.
    """
    if motion is None:
        if video is None:
            raise InputError("motion", "neither motion nor video", "at least one of them")
        return video.info.frame_count, video.info.frame_rate
    if video is not None and video.info.frame_count != motion.frame_count:
        found = f"{video.info.frame_count} frames, but the motion has {motion.frame_count}"
        allowed = "video and motion of the same clip, at the same frame rate"
        raise InputError("video", found, allowed, "A motion whose time was edited goes alone: disconnect video.")
    return motion.frame_count, motion.frame_rate
