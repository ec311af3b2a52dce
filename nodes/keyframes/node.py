"""The node that plans which frames are sampled."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.latest import io

from ..errors import InputError
from ..host.node import FrugalNode, Keyframes, Motion
from ..host.progress import Progress
from ..host.remember import remembered
from ..host.video import as_stream
from ..motion.motion import Motion as MotionValue
from ..video.stream import FrameStream
from .adaptive import LONGEST_GAP, adaptive
from .appearance import find_cuts, thumbnails
from .expected_error import expected_errors
from .keyframes import Keyframes as KeyframesValue
from .uniform import every_nth

METHODS = ("adaptive", "even")


class FrugalPlanKeyframes(FrugalNode):
    """Chooses the frames that are worth GPU time."""

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
    ) -> io.NodeOutput:
        if method not in METHODS:
            raise InputError("method", repr(method), ", ".join(METHODS))
        frame_count, frame_rate = _clip(motion, video)
        stream = as_stream(video) if video is not None and (cuts or method == "adaptive") else None
        keyframes = remembered(
            cls.stage(),
            {"motion": motion, "video": stream, "grid": (frame_count, frame_rate), "how": (every, method, cuts)},
            lambda: _planned(motion, stream, (frame_count, frame_rate), every, method, cuts),
        )
        return io.NodeOutput(keyframes, len(keyframes.frames), ui={"frugal_keyframes": [keyframes.to_fields()]})


def _planned(
    motion: MotionValue | None,
    video: FrameStream | None,
    grid: tuple[int, Fraction],
    every: int,
    method: str,
    cuts: bool,
) -> KeyframesValue:
    frame_count, frame_rate = grid
    small = thumbnails(video, Progress(frame_count).step) if video is not None else None
    found = find_cuts(small) if small is not None and cuts else ()
    even = every_nth(frame_count, frame_rate, every, found)
    if method != "adaptive":
        return even
    errors = expected_errors(motion, small, Progress(frame_count * LONGEST_GAP * every).step)
    return adaptive(errors, frame_count, frame_rate, len(even.frames), found)


def _clip(motion: MotionValue | None, video: Any) -> tuple[int, Any]:
    if motion is None and video is None:
        raise InputError("motion", "neither motion nor video", "at least one of them")
    if motion is None:
        return video.get_frame_count(), video.get_frame_rate()
    if video is not None and video.get_frame_count() != motion.frame_count:
        found = f"{video.get_frame_count()} frames, but the motion has {motion.frame_count}"
        raise InputError("video", found, "video and motion of the same clip, at the same frame rate")
    return motion.frame_count, motion.frame_rate
