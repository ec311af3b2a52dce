"""Compare."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import Input, io

from ...host.frugal_node import FrugalNode, Motion
from ...host.previews import is_watched
from ...host.progress import Progress
from ...host.video import as_stream
from ...motion.motion import Motion as MotionValue
from .. import forecast
from .shown_compare import shown_compare


class FrugalCompare(FrugalNode):
    """Shows two videos or motions in step."""

    FORECAST = staticmethod(forecast.compare)
    LISTED_BEHIND = "caching"
    ONLY_SHOWS = True
    SEARCH_ALIASES = ("wipe", "before and after", "a/b", "side by side", "difference", "image compare", "slider")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalCompare",
            display_name="Compare",
            category="Frugal Motion/Video",
            description="Two videos or motions in one player, in step frame by frame: a wipe with a divider, a flip, "
            "side by side, or their difference. Only to look at in the editor: without one nothing is read.",
            inputs=[
                io.Video.Input(
                    "video_a",
                    optional=True,
                    tooltip="Shown as A, on the left. What a Save Video gives repeats no work.",
                ),
                io.Video.Input(
                    "video_b",
                    optional=True,
                    tooltip="Shown as B, on the right: matched by time, and fitted to the shape of A.",
                ),
                Motion.Input("motion_a", optional=True, tooltip="Drawn as skeletons over video_a, or alone."),
                Motion.Input("motion_b", optional=True, tooltip="Drawn as skeletons over video_b, or alone."),
            ],
            outputs=[],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> bool:
        return is_watched()  # what ComfyUI keeps of a run that nobody watched shows nothing

    @classmethod
    def execute(
        cls,
        video_a: Input.Video | None = None,
        video_b: Input.Video | None = None,
        motion_a: MotionValue | None = None,
        motion_b: MotionValue | None = None,
    ) -> io.NodeOutput:
        if not is_watched():
            return io.NodeOutput()
        given = {"video_a": video_a, "video_b": video_b}
        videos = [None if video is None else as_stream(video, name) for name, video in given.items()]
        return io.NodeOutput(ui=shown_compare(videos, (motion_a, motion_b), lambda count: Progress(count).step))
