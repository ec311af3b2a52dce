"""Load Video (FFmpeg)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ...host.folders import clip_fingerprint, is_input_clip, list_clips
from ...host.frugal_node import FrugalNode
from ...host.progress import NodeNotes
from .. import forecast
from ..decode_settings import decode_settings
from ..stream import VideoInfo
from .loading import decode_inputs, opened


class FrugalLoadVideo(FrugalNode):
    """Opens a clip as a stream."""

    FORECAST = staticmethod(forecast.load_video)
    PRECOMPUTABLE = True
    CLIP_INPUTS = frozenset({"file", "start", "duration"})
    SEARCH_ALIASES = ("vhs", "import video", "open video", "video input", "decode", "mp4", "frame rate")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadVideo",
            display_name="Load Video (FFmpeg)",
            category="Frugal Motion/Video",
            description="Opens a video at the frame rate and size that diffusion needs. Frames are decoded while later "
            "nodes read them, so a long clip takes no more memory than a short one.",
            inputs=[
                io.Combo.Input(
                    "file",
                    options=list_clips(),
                    upload=io.UploadType.video,
                    tooltip="A video, or a folder of pictures, in ComfyUI's input folder. Phone videos come out "
                    "upright, HDR as SDR.",
                ),
                *decode_inputs(),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The video with its sound, decoded when it is read."),
                io.Float.Output(display_name="fps", tooltip="Frames per second."),
                io.Int.Output(display_name="frames", tooltip="Number of frames."),
            ],
        )

    @classmethod
    def execute(cls, file: str, **settings: Any) -> io.NodeOutput:
        video = opened(file, decode_settings(**settings), cls.stage(), NodeNotes())
        return io.NodeOutput(video, float(video.get_frame_rate()), video.get_frame_count())

    @classmethod
    def validate_inputs(cls, file: str | None = None) -> bool | str:
        """Accept files that were uploaded after the page, with its list of files, was loaded."""
        return True if file is None else is_input_clip(file)  # None comes from another node

    @classmethod
    def fingerprint_inputs(cls, file: str | None = None, **_: Any) -> str:
        return "" if file is None else clip_fingerprint(file)

    @classmethod
    def clips_to_load(cls, inputs: Mapping[str, Any]) -> list[VideoInfo]:
        return [clip.info for clip in forecast.opened_clips([inputs["file"]], inputs)]
