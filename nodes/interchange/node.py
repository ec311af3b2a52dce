"""The nodes that give motions to other packs and take theirs, on wires and in files."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.latest import io, ui

from ..errors import InputError
from ..host.folders import fingerprint, input_file, is_input_file, list_inputs, list_outputs, output_file
from ..host.node import FrugalNode, Motion
from ..motion.motion import Motion as MotionValue
from ..motion.player import shown_motion
from ..video.rates import usual_rate
from .files import SUFFIXES, load_motion, save_motion
from .keypoints import FLAVOURS, from_keypoints, to_keypoints

CATEGORY = "Frugal Motion/Motion"
FOLDER = "motion"
FORMATS = tuple(suffix.removeprefix(".") for suffix in SUFFIXES)

Keypoints = io.Custom("POSE_KEYPOINT")


class FrugalMotionToKeypoints(FrugalNode):
    """Hands a motion to nodes of other packs."""

    SEARCH_ALIASES = ("openpose", "dwpose", "sdpose", "pose_keypoint", "convert pose")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalMotionToKeypoints",
            display_name="Motion to Pose Keypoints",
            category=CATEGORY,
            description="Turns a motion into the POSE_KEYPOINT that the pose nodes of other packs take.",
            inputs=[
                Motion.Input("motion", tooltip="From Extract Pose or another motion node."),
                io.Combo.Input(
                    "flavour",
                    options=list(FLAVOURS),
                    tooltip="Who reads it. controlnet_aux: fractions of the frame, found joints count fully; what most "
                    "packs take. sdpose: pixels and confidences, for ComfyUI's own. exact: loses nothing.",
                ),
            ],
            outputs=[Keypoints.Output(display_name="keypoints", tooltip="One entry per frame.")],
        )

    @classmethod
    def execute(cls, motion: MotionValue, flavour: str = "controlnet_aux") -> io.NodeOutput:
        return io.NodeOutput(to_keypoints(motion, flavour))


class FrugalKeypointsToMotion(FrugalNode):
    """Takes the poses of other packs."""

    SEARCH_ALIASES = ("openpose", "dwpose", "sdpose", "pose_keypoint", "convert pose")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalKeypointsToMotion",
            display_name="Pose Keypoints to Motion",
            category=CATEGORY,
            description="Turns the POSE_KEYPOINT of DWPose, OpenPose or SDPose into a motion. Fractions or pixels are "
            "told apart by themselves. Faces and feet are left out.",
            inputs=[
                Keypoints.Input("keypoints", tooltip="One entry per frame; a person keeps the place in the list."),
                _rate_input(),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="Everyone's joints over time.")],
        )

    @classmethod
    def execute(cls, keypoints: Any, frame_rate: float = 12.0) -> io.NodeOutput:
        motion = from_keypoints(keypoints, _rate(frame_rate))
        return io.NodeOutput(motion, ui=shown_motion(motion))


class FrugalSaveMotion(FrugalNode):
    """Writes a motion to a file."""

    SEARCH_ALIASES = ("export pose", "pose json", "openpose json")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSaveMotion",
            display_name="Save Motion",
            category=CATEGORY,
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


class FrugalLoadMotion(FrugalNode):
    """Reads a motion from a file."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("import pose", "pose json", "openpose json")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadMotion",
            display_name="Load Motion",
            category=CATEGORY,
            description="Reads a motion that Save Motion has written, or the POSE_KEYPOINT .json of another pack.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[*list_inputs(SUFFIXES), *list_outputs(FOLDER, SUFFIXES)],
                    tooltip="A .safetensors or .json in ComfyUI's input folder, or one that Save Motion has put into "
                    "output/motion.",
                ),
                _rate_input(),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The motion as it was saved.")],
        )

    @classmethod
    def execute(cls, file: str, frame_rate: float = 12.0) -> io.NodeOutput:
        motion = load_motion(input_file(file), _rate(frame_rate))
        return io.NodeOutput(motion, ui=shown_motion(motion))

    @classmethod
    def validate_inputs(cls, file: str | None = None) -> bool | str:
        """Accept files that came after the page, with its list of files, was loaded."""
        return True if file is None else is_input_file(file)  # None comes from another node

    @classmethod
    def fingerprint_inputs(cls, file: str | None = None, **_: Any) -> str:
        return "" if file is None else fingerprint(file)


def _rate_input() -> Any:
    return io.Float.Input(
        "frame_rate",
        default=12.0,
        min=0.001,
        max=240.0,
        step=0.001,
        tooltip="Frames per second. Counts only where they are not told along: ours are, those of other packs are not.",
    )


def _rate(frame_rate: float) -> Fraction:
    if not 0 < frame_rate <= 1e6:
        raise InputError("frame_rate", f"{frame_rate:g}", "more than 0 frames/s")
    return usual_rate(frame_rate)


NODES = (FrugalMotionToKeypoints, FrugalKeypointsToMotion, FrugalSaveMotion, FrugalLoadMotion)
