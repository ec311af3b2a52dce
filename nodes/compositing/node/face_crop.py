"""Face Crop."""

from __future__ import annotations

import torch
from comfy_api.latest import Input, io

from ...host.frugal_node import FrugalNode, Motion
from ...host.progress import Progress, show_on_node
from ...host.video import as_stream
from ...motion.motion import Motion as MotionValue
from ...video.tensors import to_image
from .. import forecast
from ..cropped import CroppedStream
from ..face import face_box


class FrugalFaceCrop(FrugalNode):
    """Cuts somebody's face out of every frame, for nets that look at it."""

    FORECAST = staticmethod(forecast.face_crop)
    SEARCH_ALIASES = ("wan animate", "face video", "face_video", "face bbox", "portrait", "expression", "head crop")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalFaceCrop",
            display_name="Face Crop",
            category="Frugal Motion/Compositing",
            description="Cuts a square around somebody's face out of every frame, always of one size, which moves "
            "calmly: for face_video of WanAnimateToVideo.",
            inputs=[
                io.Video.Input("video", tooltip="The clip; best at its own size, as a face is a small part of it."),
                Motion.Input("motion", tooltip="Of the people in it, from Extract Pose or Smooth Motion."),
                io.Int.Input(
                    "size",
                    default=512,
                    min=64,
                    max=4096,
                    step=8,
                    tooltip="Side of the pictures. Wan Animate takes 512.",
                ),
                io.Int.Input(
                    "person",
                    default=1,
                    min=1,
                    max=64,
                    tooltip="Whose face: the number in the motion, which begins with 1.",
                ),
            ],
            outputs=[io.Image.Output(display_name="face_video", tooltip="One picture per frame of the clip.")],
        )

    @classmethod
    def execute(cls, video: Input.Video, motion: MotionValue, size: int = 512, person: int = 1) -> io.NodeOutput:
        stream = as_stream(video)
        crop = face_box(motion, stream.info, size, person - 1)
        show_on_node(f"a square of {crop.box[0]} pixels")
        images = torch.empty((crop.frame_count, size, size, 3))
        progress = Progress(crop.frame_count)
        first = 0
        for chunk in CroppedStream(stream, crop).chunks():
            images[first : first + len(chunk)] = to_image(chunk)
            first += len(chunk)
            progress.step(len(chunk))
        return io.NodeOutput(images)
