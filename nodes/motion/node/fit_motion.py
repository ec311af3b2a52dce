"""Fit Motion to Video."""

from __future__ import annotations

from comfy_api.latest import Input, io

from ...host.frugal_node import FrugalNode, Motion
from ...host.video import as_stream
from ..framing import reframed
from ..motion import Motion as MotionValue
from .player import shown_motion


class FrugalFitMotion(FrugalNode):
    """Moves a motion into another picture of its clip."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("crop", "resize pose", "reframe")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalFitMotion",
            display_name="Fit Motion to Video",
            category="Frugal Motion/Motion",
            description="Finds the pose in one Load Video and uses it in another of the same file, at another size, "
            "fit or crop: say, found in the whole picture, used in a square cut out of it.",
            inputs=[
                Motion.Input("motion", tooltip="Found in a clip from Load Video."),
                io.Video.Input(
                    "video",
                    tooltip="The same file from another Load Video, with the same start, duration and frame rate.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The same movement, where that video shows it.")],
        )

    @classmethod
    def execute(cls, motion: MotionValue, video: Input.Video) -> io.NodeOutput:
        fitted = reframed(motion, as_stream(video).info)
        return io.NodeOutput(fitted, ui=shown_motion(fitted))  # before, its places were those of another picture
