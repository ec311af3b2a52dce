"""Keyframe ControlNet."""

from __future__ import annotations

import logging
from typing import Any

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Keyframes
from ...host.progress import show_on_node
from ...keyframes.keyframes import Keyframes as Plan
from .. import forecast
from ..keyframe_control import keyframed, not_interpolated, on_every_frame

logger = logging.getLogger(__name__)


class FrugalKeyframeControlNet(FrugalNode):
    """Makes any ControlNet run on keyframes only, for any sampler."""

    FORECAST = staticmethod(forecast.limit_control)
    SEARCH_ALIASES = ("apply controlnet", "reuse residuals", "cheap", "faster")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalKeyframeControlNet",
            display_name="Keyframe ControlNet",
            category="Frugal Motion/Sampling",
            description="Runs a ControlNet on the keyframes of a batch only and interpolates its residuals for the "
            "frames between them. Put it between the ControlNet loader and Apply ControlNet; sample the clip's frames "
            "as one batch with the same noise.",
            inputs=[
                io.ControlNet.Input("control_net", tooltip="Any image ControlNet."),
                Keyframes.Input("keyframes", tooltip="From Plan Keyframes, for the frames of the latent batch."),
                io.Int.Input(
                    "reuse_steps",
                    default=1,
                    min=1,
                    max=8,
                    optional=True,
                    tooltip="2 runs the net at every other step and uses its residuals twice. 1 is exact.",
                ),
            ],
            outputs=[io.ControlNet.Output(tooltip="Takes one hint per frame, or one per keyframe.")],
        )

    @classmethod
    def execute(cls, control_net: Any, keyframes: Plan, reuse_steps: int = 1) -> io.NodeOutput:
        unknown = not_interpolated(control_net)
        if unknown:
            _warn(on_every_frame(unknown))
            return io.NodeOutput(control_net)
        return io.NodeOutput(keyframed(control_net, keyframes, reuse_steps))


def _warn(text: str) -> None:
    logger.warning("Keyframe ControlNet: %s", text)
    show_on_node(text)
