"""Restore Length."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, WayBack
from ...host.video import StreamVideo, as_stream
from ...video.tensors import ImageStream
from .. import forecast
from ..fit import WayBack as WayBackValue
from ..fit import restore


class FrugalRestoreLength(FrugalNode):
    """Makes what a video model has made as long as the clip was that it was made for."""

    FORECAST = staticmethod(forecast.restore_length)
    PRECOMPUTABLE = True
    LISTED_BEHIND = "video"
    SEARCH_ALIASES = ("wan", "ltx", "sync", "out of sync", "audio", "trim", "duration", "frame count", "create video")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalRestoreLength",
            display_name="Restore Length",
            category="Frugal Motion/Video",
            description="Behind a video model: leaves out the frames that Fit Length has added, and gives the video "
            "the length and the sound of the clip. Interpolate Frames and Save Video keep both exactly.",
            inputs=[
                io.MultiType.Input(
                    "frames", [io.Image, io.Video], tooltip="All frames that the model has made: from VAE Decode."
                ),
                WayBack.Input("way_back", tooltip="From Fit Length."),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video", tooltip="The frames at the rate of Fit Length, with the clip's sound."
                ),
                io.Float.Output(
                    display_name="fps",
                    tooltip="Frames per second that the clip had before: for frame_rate of Interpolate Frames.",
                ),
            ],
        )

    @classmethod
    def execute(cls, frames: Any, way_back: WayBackValue) -> io.NodeOutput:
        is_image = isinstance(frames, torch.Tensor)
        made = ImageStream(frames, way_back.frame_rate) if is_image else as_stream(frames, "frames")
        return io.NodeOutput(StreamVideo(restore(made, way_back), cls.stage()), float(way_back.source_rate))
