"""The node that plans which frames are sampled."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from comfy_api.latest import io

from ..caching.memoize import memoized
from ..errors import InputError
from ..host.node import FrugalNode, Keyframes, Motion
from ..host.previews import shown_file
from ..host.progress import Progress
from ..host.video import as_stream
from ..motion.motion import Motion as MotionValue
from ..video.stream import FrameStream
from .adaptive import LONGEST_GAP, adaptive
from .appearance import find_cuts, thumbnails
from .edits import edited
from .expected_error import Errors, expected_errors
from .keyframes import Keyframes as KeyframesValue
from .strip import Picture, as_jpeg, curve, film
from .uniform import every_nth

METHODS = ("adaptive", "even")


class FrugalPlanKeyframes(FrugalNode):
    """Chooses the frames that are worth GPU time."""

    PRECOMPUTABLE = True
    MEMOIZED = True
    SEARCH_ALIASES = ("key frames", "every nth", "skip frames", "scene detect", "shots", "cheap")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalPlanKeyframes",
            display_name="Plan Keyframes",
            category="Frugal Motion/Keyframes",
            description="Chooses the frames of the clip that are sampled; the others are interpolated. The first and "
            "the last frame of every shot are always among them, so that nothing has to be extrapolated.",
            inputs=[
                Motion.Input("motion", optional=True, tooltip="The clip's motion; needed if video is not connected."),
                io.Video.Input("video", optional=True, tooltip="The clip; needed if motion is not connected."),
                io.Int.Input(
                    "every",
                    default=4,
                    min=1,
                    max=1000,
                    tooltip="Sample one frame in N. 4 on a 12 fps grid is one keyframe every third of a second.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    optional=True,
                    tooltip="adaptive: as many as every Nth, but close together where the motion turns and apart where "
                    "it flows. even: every Nth.",
                ),
                io.Boolean.Input(
                    "cuts",
                    default=True,
                    optional=True,
                    tooltip="Look for cuts in the video: nothing is interpolated across them.",
                ),
                io.String.Input(
                    "edits",
                    default="",
                    optional=True,
                    tooltip="Keyframes that you add to the plan and take from it, such as +12 -20. Clicks on the strip "
                    "below write them here.",
                ),
            ],
            outputs=[
                Keyframes.Output(
                    display_name="keyframes", tooltip="For Draw Pose, the sampler and Interpolate Frames."
                ),
                io.Int.Output(display_name="count", tooltip="How many frames will be sampled."),
            ],
        )

    @classmethod
    def execute(
        cls,
        every: int,
        motion: MotionValue | None = None,
        video: Any = None,
        method: str = METHODS[0],
        cuts: bool = True,
        edits: str = "",
    ) -> io.NodeOutput:
        if method not in METHODS:
            raise InputError("method", repr(method), ", ".join(METHODS))
        stream = as_stream(video) if video is not None else None
        grid = _grid(motion, stream)
        looked_at = stream if cuts or method == "adaptive" else None
        planned = memoized(
            cls.stage(),
            {"motion": motion, "video": looked_at, "grid": grid, "plan": (every, method, cuts)},
            lambda: _planned(motion, looked_at, grid, every, method, cuts),
        )
        keyframes = edited(planned["plan"], edits)
        shape = stream.info if stream else motion
        shown = _shown(keyframes, **planned, aspect=shape.width / shape.height if shape else 1.0)
        return io.NodeOutput(keyframes, len(keyframes.frames), ui={"frugal_keyframes": [shown]})


def _planned(
    motion: MotionValue | None,
    video: FrameStream | None,
    grid: tuple[int, Fraction],
    every: int,
    method: str,
    cuts: bool,
) -> dict[str, Any]:
    """The plan, and what the strip shows behind it."""
    frame_count, frame_rate = grid
    small = thumbnails(video, Progress(frame_count).step) if video is not None else None
    found = find_cuts(small) if small is not None and cuts else ()
    plan = every_nth(frame_count, frame_rate, every, found)
    errors: Errors | None = None
    if method == "adaptive":
        errors = cache(
            expected_errors(motion, small, Progress(frame_count * min(LONGEST_GAP * every, frame_count)).step)
        )
        plan = adaptive(errors, frame_count, frame_rate, len(plan.frames), found)
    elif motion is not None:
        errors = expected_errors(motion, None)
    return {
        "plan": plan,
        "curve": curve(errors, frame_count, max(every, 2)) if errors else [],
        "film": film(small) if small is not None else None,
    }


def _shown(
    keyframes: KeyframesValue, plan: KeyframesValue, curve: list[int], film: Picture | None, aspect: float
) -> dict[str, Any]:
    """What the strip shows."""
    return {
        **keyframes.to_fields(),
        "planned": list(plan.frames) if plan != keyframes else None,
        "curve": curve,
        "film": shown_file(as_jpeg(film), ".jpg") if film is not None else None,
        "aspect": aspect,
    }


def _grid(motion: MotionValue | None, video: FrameStream | None) -> tuple[int, Fraction]:
    """Frame count and frame rate, of the motion where there is one."""
    if motion is None:
        if video is None:
            raise InputError("motion", "neither motion nor video", "at least one of them")
        return video.info.frame_count, video.info.frame_rate
    if video is not None and video.info.frame_count != motion.frame_count:
        found = f"{video.info.frame_count} frames, but the motion has {motion.frame_count}"
        raise InputError("video", found, "video and motion of the same clip, at the same frame rate")
    return motion.frame_count, motion.frame_rate


NODES = (FrugalPlanKeyframes,)
