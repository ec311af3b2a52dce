"""Draw Pose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from comfy_api.latest import Input, io

from ...errors import InputError
from ...host.frugal_node import FrugalNode, Keyframes, Motion
from ...host.progress import Progress
from ...host.video import as_stream
from ...keyframes.keyframes import Keyframes as KeyframesValue
from ...motion.motion import Motion as MotionValue
from ...video.tensors import to_image
from .. import forecast
from ..draw import STYLES, Style
from ..render import render_motion, resolve_size


class FrugalDrawPose(FrugalNode):
    """Draws a motion as the pictures that nets expect to be guided by."""

    FORECAST = staticmethod(forecast.draw_pose)
    LISTED_BEHIND = "keyframes"
    NEUTRAL_INPUTS: ClassVar[Mapping[str, Any]] = {"style": "openpose"}
    SEARCH_ALIASES = (
        "openpose",
        "dwpose",
        "skeleton",
        "stick figure",
        "control image",
        "control video",
        "hint",
        "vace",
        "wan animate",
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalDrawPose",
            display_name="Draw Pose",
            category="Frugal Motion/Pose",
            description="Draws the joints as an openpose ControlNet expects them: coloured limbs on black. With "
            "keyframes only those frames are drawn.",
            inputs=[
                Motion.Input("motion", tooltip="From Extract Pose, Smooth Motion…"),
                Keyframes.Input("keyframes", optional=True, tooltip="Draw these frames only. All, if not connected."),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=8192,
                    tooltip="Width of the pictures. 0: in proportion to the height; both 0: the clip's own size.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=8192,
                    tooltip="Height of the pictures. 0: in proportion to the width; both 0: the clip's own size.",
                ),
                io.Video.Input(
                    "video",
                    optional=True,
                    tooltip="Draw over this clip instead of on black, to see whether the pose sits on the person. Not "
                    "for ControlNet. It may be cropped differently from the one that the pose was found in.",
                ),
                io.Float.Input(
                    "limb_width",
                    optional=True,
                    default=1.0,
                    min=0.5,
                    max=4.0,
                    step=0.05,
                    tooltip="1: as most ControlNets were trained. Those of xinsir (SDXL, Union too) want wider limbs: "
                    "1.35 at 768 pixels, 1.5 at 1024.",
                ),
                io.Combo.Input(
                    "style",
                    options=list(STYLES),
                    default="openpose",
                    optional=True,
                    tooltip="Whose drawing the net was trained with. openpose: ControlNets of images. vace: thinner, "
                    "soft, red and blue changed over. wan animate: as thin as can be.",
                ),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="One picture per frame, or per keyframe.")],
        )

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        width: int = 0,
        height: int = 0,
        keyframes: KeyframesValue | None = None,
        video: Input.Video | None = None,
        limb_width: float = 1.0,
        style: Style = "openpose",
    ) -> io.NodeOutput:
        if style not in STYLES:
            raise InputError("style", repr(style), ", ".join(STYLES))
        clip = as_stream(video) if video else None
        size = resolve_size(clip.info if clip else motion, width, height)
        count = len(keyframes.frames) if keyframes else motion.frame_count
        pictures = render_motion(motion, size, keyframes, clip, limb_width, style)
        images = torch.empty((count, size[1], size[0], 3))
        progress = Progress(count)
        for image, picture in zip(images, pictures, strict=True):
            image.copy_(to_image(picture))
            progress.step()
        return io.NodeOutput(images)
