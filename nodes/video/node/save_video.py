"""Save Video (FFmpeg)."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from comfy_api.latest import Input, io, ui

from ...host.folders import output_file
from ...host.frugal_node import FrugalNode
from ...host.metadata import workflow_metadata
from ...host.progress import Progress
from ...host.video import StreamVideo, as_stream, audio_input
from .. import forecast
from ..codecs import CODECS
from ..decode import FileStream
from ..encode import FRAME_NAME, EncodeSettings, save, saved_size
from ..side_by_side import SideBySideStream

COUNT = "frugal_count"
"""Of the frames of a sequence: the editor is shown the first, for which this says how many there are."""


class FrugalSaveVideo(FrugalNode):
    """Writes a stream to a file."""

    FORECAST = staticmethod(forecast.save_video)
    LISTED_BEHIND = "caching"
    SEARCH_ALIASES = ("vhs", "video combine", "export video", "encode", "mp4", "h264", "h265", "av1", "prores", "gif")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSaveVideo",
            display_name="Save Video (FFmpeg)",
            category="Frugal Motion/Video",
            description="Writes a video with its sound to ComfyUI's output folder. Frames are computed and encoded a "
            "few at a time. The file appears only once it is complete.",
            inputs=[
                io.Video.Input("video", tooltip="The video to save; its frames may still have to be computed."),
                io.Audio.Input("audio", optional=True, tooltip="Sound in place of the video's own."),
                io.String.Input(
                    "filename_prefix",
                    default="video/frugal-motion",
                    tooltip="Folder and beginning of the name, inside ComfyUI's output folder. A number is added; "
                    "%width%, %height%, %year%, %month%, %day% and so on are filled in.",
                ),
                io.Combo.Input(
                    "codec",
                    options=list(CODECS),
                    default="h264",
                    tooltip="h264 plays everywhere. h265 and av1 are smaller and slower, vp9 is for the web (.webm), "
                    "prores for editing (.mov), gif for chats, png sequence is a folder of pictures, lossless keeps "
                    "every bit. The two before it have no sound.",
                ),
                io.Int.Input(
                    "quality",
                    default=75,
                    min=0,
                    max=100,
                    tooltip="0 is the smallest file, 100 the best picture. Those from prores on have only one.",
                ),
                io.Video.Input(
                    "beside",
                    optional=True,
                    tooltip="Shown on the left of the video, to compare: connect the source.",
                ),
            ],
            outputs=[
                io.Video.Output(
                    display_name="video",
                    tooltip="The saved file, which repeats no work when it is read; for a png sequence what was given.",
                ),
                io.String.Output(display_name="file", tooltip="The saved file's full path."),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        video: Input.Video,
        audio: dict[str, Any] | None = None,
        filename_prefix: str = "video/frugal-motion",
        codec: str = "h264",
        quality: int = 75,
        beside: Input.Video | None = None,
    ) -> io.NodeOutput:
        settings = EncodeSettings(codec, quality)
        stream = as_stream(video)
        if beside is not None:
            stream = SideBySideStream(as_stream(beside), stream)
        path, name, subfolder = output_file(filename_prefix, settings.suffix, saved_size(stream.info, settings))
        progress = Progress(stream.info.frame_count)
        save(stream, path, settings, audio_input(audio), workflow_metadata(cls.hidden), progress.step)
        if settings.is_sequence:
            folder = PurePath(subfolder, name).as_posix()
            first = ui.SavedResult(FRAME_NAME % 1, folder, io.FolderType.output)
            first[COUNT] = stream.info.frame_count
            return io.NodeOutput(video, str(path), ui=ui.SavedImages([first]))
        saved = StreamVideo(FileStream(path), cls.stage())
        preview = ui.PreviewVideo([ui.SavedResult(name, subfolder, io.FolderType.output)])
        return io.NodeOutput(saved, str(path), ui=preview)
