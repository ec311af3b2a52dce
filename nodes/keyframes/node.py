"""The node that plans which frames are sampled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from comfy_api.latest import io

from ..caching.memoize import memoized
from ..errors import InputError
from ..host.frugal_node import FrugalNode, Keyframes, Motion
from ..host.previews import shown_file
from ..host.progress import Progress
from ..host.video import as_stream
from ..motion.motion import Motion as MotionValue
from . import forecast
from .edits import edited
from .keyframes import Keyframes as KeyframesValue
from .plan import BETWEEN, METHODS, grid_of, planned
from .strip import Picture, as_jpeg


class FrugalPlanKeyframes(FrugalNode):
    """Chooses the frames that are worth GPU time."""

    FORECAST = staticmethod(forecast.plan_keyframes)
    PRECOMPUTABLE = True
    MEMOIZED = True
    NEUTRAL_INPUTS: ClassVar[Mapping[str, Any]] = {"between": BETWEEN[0]}
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
                io.Combo.Input(
                    "between",
                    options=list(BETWEEN),
                    default=BETWEEN[0],
                    optional=True,
                    tooltip="For adaptive: how the frames between will be made. net: by the interpolation model alone. "
                    "motion: people follow the motion, as Interpolate Frames does with one; then it alone counts.",
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
        between: str = BETWEEN[0],
    ) -> io.NodeOutput:
        for name, value, options in (("method", method, METHODS), ("between", between, BETWEEN)):
            if value not in options:
                raise InputError(name, repr(value), ", ".join(options))
        stream = as_stream(video) if video is not None else None
        grid = grid_of(motion, stream)
        looked_at = stream if cuts or method == "adaptive" else None
        newer = {} if between == BETWEEN[0] else {"between": between}  # plans of earlier versions are still found
        made = memoized(
            cls.stage(),
            {"motion": motion, "video": looked_at, "grid": grid, "plan": (every, method, cuts), **newer},
            lambda: planned(motion, looked_at, grid, every, method, cuts, lambda steps: Progress(steps).step, between),
        )
        keyframes = edited(made["plan"], edits)
        shape = stream.info if stream else motion
        shown = _shown(keyframes, **made, aspect=shape.width / shape.height if shape else 1.0)
        return io.NodeOutput(keyframes, len(keyframes.frames), ui={"frugal_keyframes": [shown]})


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


NODES = (FrugalPlanKeyframes,)
