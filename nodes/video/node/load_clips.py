"""Load Clips (FFmpeg)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ...host.folders import VIDEO_SUFFIXES, clip_fingerprint, clip_name, input_files
from ...host.frugal_node import FrugalNode
from ...host.progress import NodeNotes
from .. import forecast
from ..decode_settings import decode_settings
from ..stream import VideoInfo
from .loading import decode_inputs, opened


class FrugalLoadClips(FrugalNode):
    """Opens several clips, to be edited in one go."""

    FORECAST = staticmethod(forecast.load_clips)
    CLIP_INPUTS = frozenset({"files", "start", "duration"})
    SEARCH_ALIASES = ("vhs", "load videos", "batch", "several videos", "multiple videos", "folder of videos")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadClips",
            display_name="Load Clips (FFmpeg)",
            category="Frugal Motion/Video",
            description="Opens several videos alike, as a list: the nodes behind it run once per clip, but for "
            "Keyframe ControlNet Sampler, which samples them together.",
            inputs=[
                io.String.Input(
                    "files",
                    multiline=True,
                    tooltip="One per line: a video in ComfyUI's input folder, a folder of videos or pictures, or a "
                    "pattern such as dance/*.mp4.",
                ),
                *decode_inputs(),
            ],
            outputs=[
                io.Video.Output(
                    display_name="videos", is_output_list=True, tooltip="The clips, in the order of the lines."
                ),
                io.String.Output(
                    display_name="names", is_output_list=True, tooltip="Their file names without the ending."
                ),
            ],
        )

    @classmethod
    def execute(cls, files: str, **settings: Any) -> io.NodeOutput:
        opening, names = decode_settings(**settings), input_files(files, VIDEO_SUFFIXES)
        notes = NodeNotes()
        videos = [opened(name, opening, cls.stage(), notes) for name in names]
        return io.NodeOutput(videos, list(map(clip_name, names)))

    @classmethod
    def fingerprint_inputs(cls, files: str | None = None, **_: Any) -> str:
        return "" if files is None else "\n".join(map(clip_fingerprint, input_files(files, VIDEO_SUFFIXES)))

    @classmethod
    def resolved_inputs(cls, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs with the files that ``files`` means now, for whoever asks what a result was made of."""
        if not isinstance(inputs.get("files"), str):
            return inputs
        return {**inputs, "files": input_files(inputs["files"], VIDEO_SUFFIXES)}

    @classmethod
    def clips_to_load(cls, inputs: Mapping[str, Any]) -> list[VideoInfo]:
        return [clip.info for clip in forecast.opened_clips(input_files(inputs["files"], VIDEO_SUFFIXES), inputs)]
