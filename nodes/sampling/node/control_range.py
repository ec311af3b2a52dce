"""Control Range."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode
from .. import forecast
from ..control_range import limited


class FrugalControlRange(FrugalNode):
    """VACE's control for a part of the sampling only."""

    FORECAST = staticmethod(forecast.limit_control_range)
    SEARCH_ALIASES = ("vace", "start percent", "end percent", "wan", "control strength", "cheap", "faster")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalControlRange",
            display_name="Control Range",
            category="Frugal Motion/Sampling",
            description="VACE's control for a part of the sampling only, as start and end of Apply ControlNet do it "
            "for a ControlNet. Outside of it the control's blocks are not run: the result is that of strength 0 there, "
            "for less work.",
            inputs=[
                io.Model.Input("model", tooltip="A VACE model, with LoRAs or patches as you like."),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Where control begins, as in Apply ControlNet: 0 is pure noise.",
                ),
                io.Float.Input(
                    "end",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Where it ends: 1 is the finished video. 0.5 frees fine detail, and saves the blocks' "
                    "work in the steps behind it.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="For any sampler.")],
        )

    @classmethod
    def execute(cls, model: Any, start: float, end: float) -> io.NodeOutput:
        return io.NodeOutput(limited(model, start, end))
