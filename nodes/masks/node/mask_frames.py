"""Masks of Video."""

from __future__ import annotations

import torch
from comfy_api.latest import Input, io

from ...errors import InputError
from ...host.frugal_node import FrugalNode, Keyframes
from ...host.video import as_stream
from ...keyframes.keyframes import Keyframes as KeyframesValue
from ...video.stream import Frames
from ...video.tensors import to_image
from .. import forecast


class FrugalMaskFrames(FrugalNode):
    """A video of masks as a MASK, for nodes of ComfyUI's own."""

    FORECAST = staticmethod(forecast.mask_frames)
    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("video to mask", "convert video to mask", "mask batch")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalMaskFrames",
            display_name="Masks of Video",
            category="Frugal Motion/Masks",
            description="A video of masks as a MASK, which ComfyUI's own nodes take. With keyframes only those frames "
            "are held in memory.",
            inputs=[
                io.Video.Input("video", tooltip="Grey frames, from Person Masks or from a file; white is 1."),
                Keyframes.Input("keyframes", optional=True, tooltip="Only these frames. All, if not connected."),
            ],
            outputs=[io.Mask.Output(display_name="mask", tooltip="One per frame, or per keyframe.")],
        )

    @classmethod
    def execute(cls, video: Input.Video, keyframes: KeyframesValue | None = None) -> io.NodeOutput:
        stream = as_stream(video)
        count = stream.info.frame_count
        if keyframes is not None and keyframes.frame_count != count:
            raise InputError("video", f"{count} frames", f"{keyframes.frame_count}, as the keyframes were planned for")
        if keyframes is not None:
            return io.NodeOutput(_planes(stream.frames_at(keyframes.frames)))
        return io.NodeOutput(torch.cat([_planes(chunk) for chunk in stream.chunks()]))


def _planes(frames: Frames) -> torch.Tensor:
    return to_image(frames).mean(dim=-1)
