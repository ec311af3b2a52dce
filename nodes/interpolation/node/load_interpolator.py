"""Load Interpolation Model (RIFE)."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ...host.folders import list_models, model_file
from ...host.frugal_node import FrugalNode, InterpolationModel
from ...host.models import compute_device, convolution_dtype, load_state_dict, managed
from .. import forecast
from ..rife import load_rife

FOLDER = "frame_interpolation"


class FrugalLoadInterpolator(FrugalNode):
    """A RIFE net under ComfyUI's model management."""

    FORECAST = staticmethod(forecast.load_interpolator)
    SEARCH_ALIASES = ("rife", "film", "vfi", "frame interpolation")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadInterpolator",
            display_name="Load Interpolation Model (RIFE)",
            category="Frugal Motion/Interpolation",
            description="Loads RIFE 4.25 or 4.26, which makes a frame at any time between two others. "
            "FILM loads with ComfyUI's own Load Frame Interpolation Model; either feeds Interpolate Frames.",
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=list_models(FOLDER),
                    tooltip=f"A RIFE 4.25 or 4.26 file in ComfyUI's models/{FOLDER} folder.",
                )
            ],
            outputs=[
                InterpolationModel.Output(
                    display_name="interp_model", tooltip="For Interpolate Frames, ours or core's."
                )
            ],
        )

    @classmethod
    def execute(cls, model_name: str) -> io.NodeOutput:
        net = load_rife(load_state_dict(model_file(FOLDER, model_name, "model_name")), model_name)
        net.to(convolution_dtype(compute_device())).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return io.NodeOutput(managed(net))
