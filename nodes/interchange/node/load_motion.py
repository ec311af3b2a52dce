"""Load Motion."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.folders import fingerprint, input_file, is_input_file, list_inputs, list_outputs
from ...host.frugal_node import FrugalNode, Motion
from ...motion.node.player import shown_motion
from ..files import FOLDER, SUFFIXES, load_motion
from .sockets import frame_rate_input, given_rate


class FrugalLoadMotion(FrugalNode):
    """Reads a motion from a file."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("import pose", "pose json", "openpose json")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadMotion",
            display_name="Load Motion",
            category="Frugal Motion/Motion",
            description="Reads a motion that Save Motion has written, or the POSE_KEYPOINT .json of another pack.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[*list_inputs(SUFFIXES), *list_outputs(FOLDER, SUFFIXES)],
                    tooltip="A .safetensors or .json in ComfyUI's input folder, or one that Save Motion has put into "
                    "output/motion.",
                ),
                frame_rate_input(),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The motion as it was saved.")],
        )

    @classmethod
    def execute(cls, file: str, frame_rate: float = 12.0) -> io.NodeOutput:
        motion = load_motion(input_file(file), given_rate(frame_rate))
        return io.NodeOutput(motion, ui=shown_motion(motion))

    @classmethod
    def validate_inputs(cls, file: str | None = None) -> bool | str:
        """Accept files that came after the page, with its list of files, was loaded."""
        return True if file is None else is_input_file(file)  # None comes from another node

    @classmethod
    def fingerprint_inputs(cls, file: str | None = None, **_: Any) -> str:
        return "" if file is None else fingerprint(file)
