"""Pose Keypoints to Motion."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ...motion.node.player import shown_motion
from ..keypoints import from_keypoints
from .sockets import Keypoints, frame_rate_input, given_rate


class FrugalKeypointsToMotion(FrugalNode):
    """Takes the poses of other packs."""

    SEARCH_ALIASES = ("openpose", "dwpose", "sdpose", "pose_keypoint", "convert pose")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalKeypointsToMotion",
            display_name="Pose Keypoints to Motion",
            category="Frugal Motion/Motion",
            description="Turns the POSE_KEYPOINT of DWPose, OpenPose or SDPose into a motion. Fractions or pixels are "
            "told apart by themselves. Faces and feet are left out.",
            inputs=[
                Keypoints.Input("keypoints", tooltip="One entry per frame; a person keeps the place in the list."),
                frame_rate_input(),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="Everyone's joints over time.")],
        )

    @classmethod
    def execute(cls, keypoints: Any, frame_rate: float = 12.0) -> io.NodeOutput:
        motion = from_keypoints(keypoints, given_rate(frame_rate))
        return io.NodeOutput(motion, ui=shown_motion(motion))
