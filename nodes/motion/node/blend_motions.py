"""Blend Motions."""

from __future__ import annotations

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ..editing.align import blend
from ..motion import Motion as MotionValue
from .player import shown_motion


class FrugalBlendMotions(FrugalNode):
    """Mixes two motions in step."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("mix", "morph", "average")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalBlendMotions",
            display_name="Blend Motions",
            category="Frugal Motion/Motion",
            description="Mixes two motions after bringing them into step, such as two walks or two takes of a dance.",
            inputs=[
                Motion.Input("motion_a", tooltip="Gives the frame rate and the size of the frame."),
                Motion.Input("motion_b", tooltip="May have another length, rate or frame size."),
                io.Float.Input(
                    "weight",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 is motion_a, 1 is motion_b; poses, places and timing lie in between.",
                ),
                io.Boolean.Input(
                    "align",
                    default=True,
                    tooltip="Find which moments belong together. Off: only the lengths are matched.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="People and joints that both motions have.")],
        )

    @classmethod
    def execute(cls, motion_a: MotionValue, motion_b: MotionValue, weight: float, align: bool = True) -> io.NodeOutput:
        blended = blend(motion_a, motion_b, weight, align)
        return io.NodeOutput(blended, ui=shown_motion(blended, motion_a))
