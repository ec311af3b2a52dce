"""Motion to Pose Keypoints."""

from __future__ import annotations

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ...motion.motion import Motion as MotionValue
from ..keypoints import FLAVOURS, to_keypoints
from .sockets import Keypoints


class FrugalMotionToKeypoints(FrugalNode):
    """Hands a motion to nodes of other packs."""

    SEARCH_ALIASES = ("openpose", "dwpose", "sdpose", "pose_keypoint", "convert pose")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalMotionToKeypoints",
            display_name="Motion to Pose Keypoints",
            category="Frugal Motion/Motion",
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
