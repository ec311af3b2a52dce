"""Save Motion."""

from __future__ import annotations

from comfy_api.latest import io, ui

from ...errors import InputError
from ...host.folders import output_file
from ...host.frugal_node import FrugalNode, Motion
from ...motion.motion import Motion as MotionValue
from ..files import FOLDER, SUFFIXES, save_motion

FORMATS = tuple(suffix.removeprefix(".") for suffix in SUFFIXES)


class FrugalSaveMotion(FrugalNode):
    """Writes a motion to a file."""

    SEARCH_ALIASES = ("export pose", "pose json", "openpose json")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSaveMotion",
            display_name="Save Motion",
            category="Frugal Motion/Motion",
            description="Writes a motion to ComfyUI's output folder, to go on another day or in another program. The "
            "file appears only once it is complete.",
            inputs=[
                Motion.Input("motion", tooltip="From Extract Pose or another motion node."),
                io.String.Input(
                    "filename_prefix",
                    default=f"{FOLDER}/frugal-motion",
                    tooltip="Folder and beginning of the name, inside ComfyUI's output folder. A number is added; "
                    "%width%, %height%, %year%, %month%, %day% and so on are filled in.",
                ),
                io.Combo.Input(
                    "format",
                    options=list(FORMATS),
                    tooltip="safetensors keeps everything. json is POSE_KEYPOINT as controlnet_aux saves it, for other "
                    "packs; how sure each joint is gets lost.",
                ),
            ],
            outputs=[io.String.Output(display_name="file", tooltip="The saved file's full path.")],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        filename_prefix: str = f"{FOLDER}/frugal-motion",
        format: str = FORMATS[0],  # noqa: A002  the input's name
    ) -> io.NodeOutput:
        if format not in FORMATS:
            raise InputError("format", repr(format), ", ".join(FORMATS))
        path, _, _ = output_file(filename_prefix, f".{format}", (motion.width, motion.height))
        save_motion(motion, path)
        return io.NodeOutput(str(path), ui=ui.PreviewText(str(path)))
