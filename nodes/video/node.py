"""Load Video, Load Clips and Save Video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import PurePath
from typing import Any, cast

from comfy_api.latest import Input, io, ui

from ..errors import InputError
from ..host.folders import (
    VIDEO_SUFFIXES,
    clip_fingerprint,
    clip_name,
    input_clip,
    input_files,
    is_input_clip,
    list_clips,
    output_file,
)
from ..host.metadata import workflow_metadata
from ..host.node import FrugalNode, Stage
from ..host.progress import NodeNotes, Progress
from ..host.video import StreamVideo, as_stream, audio_input
from .clip import open_clip
from .codecs import CODECS
from .decode import DecodeSettings, FileStream
from .encode import FRAME_NAME, EncodeSettings, save, saved_size
from .geometry import FITS, Fit
from .notes import Note
from .rates import usual_rate
from .side_by_side import SideBySideStream
from .stream import VideoInfo

CATEGORY = "Frugal Motion/Video"
LONGER_SIDES = ("384", "512", "640", "768", "1024", "1280", "1920")
SIZES = ("source", *LONGER_SIDES, "custom")
MULTIPLE = 8
"""Stable Diffusion's latent pixel covers 8 x 8 pixels."""
COUNT = "frugal_count"
"""Of the frames of a sequence: the editor is shown the first, for which this says how many there are."""


class FrugalLoadVideo(FrugalNode):
    """Opens a clip as a stream."""

    PRECOMPUTABLE = True
    CLIP_INPUTS = frozenset({"file", "start", "duration"})
    SEARCH_ALIASES = ("vhs", "import video", "open video", "video input", "decode", "mp4", "frame rate")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadVideo",
            display_name="Load Video (FFmpeg)",
            category=CATEGORY,
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
                *_decode_inputs(),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The video with its sound, decoded when it is read."),
                io.Float.Output(display_name="fps", tooltip="Frames per second."),
                io.Int.Output(display_name="frames", tooltip="Number of frames."),
            ],
        )

    @classmethod
    def execute(cls, file: str, **settings: Any) -> io.NodeOutput:
        video = _opened(file, decode_settings(**settings), cls.stage(), NodeNotes())
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
        return _infos([inputs["file"]], inputs)


class FrugalLoadClips(FrugalNode):
    """Opens several clips, to be edited in one go."""

    CLIP_INPUTS = frozenset({"files", "start", "duration"})
    SEARCH_ALIASES = ("vhs", "load videos", "batch", "several videos", "multiple videos", "folder of videos")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadClips",
            display_name="Load Clips (FFmpeg)",
            category=CATEGORY,
            description="Opens several videos alike, as a list: the nodes behind it run once per clip, but for "
            "Keyframe ControlNet Sampler, which samples them together.",
            inputs=[
                io.String.Input(
                    "files",
                    multiline=True,
                    tooltip="One per line: a video in ComfyUI's input folder, a folder of videos or pictures, or a "
                    "pattern such as dance/*.mp4.",
                ),
                *_decode_inputs(),
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
        videos = [_opened(name, opening, cls.stage(), notes) for name in names]
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
        return _infos(input_files(inputs["files"], VIDEO_SUFFIXES), inputs)


def _decode_inputs() -> list[Any]:
    return [
        io.Float.Input(
            "start", default=0.0, min=0.0, max=1e6, step=0.01, tooltip="Seconds to leave out at the beginning."
        ),
        io.Float.Input(
            "duration",
            default=0.0,
            min=0.0,
            max=1e6,
            step=0.01,
            tooltip="Seconds to load from there on. 0 is to the end.",
        ),
        io.Float.Input(
            "frame_rate",
            default=12.0,
            min=0.0,
            max=240.0,
            step=0.001,
            tooltip="Frames per second. 12 is enough to edit; Interpolate Frames brings 25 or more back. "
            "0 keeps the video's own; 23.976 and 29.97 mean 24000/1001 and 30000/1001.",
        ),
        io.Combo.Input(
            "size",
            options=list(SIZES),
            default="512",
            tooltip="Length of the longer side in pixels; the other follows. Both are rounded to a multiple "
            "of 8. Work grows with the square: 768 costs 2.25 times as much as 512.",
        ),
        io.Int.Input("width", default=512, min=8, max=8192, step=8, tooltip="Width in pixels, if size is custom."),
        io.Int.Input("height", default=512, min=8, max=8192, step=8, tooltip="Height in pixels, if size is custom."),
        io.Combo.Input(
            "fit",
            options=list(FITS),
            default="keep",
            tooltip="How the picture fills a custom size. keep: whole picture, no bars, only the longer side "
            "counts. contain: whole picture with black bars. cover: cropped. stretch: distorted.",
        ),
    ]


def decode_settings(
    start: float = 0.0,
    duration: float = 0.0,
    frame_rate: float = 12.0,
    size: str = "512",
    width: int = 512,
    height: int = 512,
    fit: str = "keep",
) -> DecodeSettings:
    """What the inputs of a node that loads clips mean.

    Raises:
        InputError: a value that none of them takes.
    """
    if frame_rate < 0:
        raise InputError("frame_rate", f"{frame_rate:g}", "more than 0 frames/s, or 0 for the video's own")
    return DecodeSettings(
        start=Fraction(repr(start)),
        duration=Fraction(repr(duration)) if duration else None,
        frame_rate=usual_rate(frame_rate) if frame_rate else None,
        size=_wanted_size(size, width, height),
        fit=cast(Fit, fit) if size == "custom" else "keep",
        multiple=MULTIPLE,
    )


def _opened(name: str, settings: DecodeSettings, stage: Stage, note: Note) -> StreamVideo:
    return StreamVideo(open_clip(input_clip(name), settings, note), stage)


def _infos(names: Iterable[str], inputs: Mapping[str, Any]) -> list[VideoInfo]:
    """What clips will be like; of what there is to note of them, the run tells."""
    opening = decode_settings(**{name: value for name, value in inputs.items() if name not in ("file", "files")})
    return [open_clip(input_clip(name), opening, lambda _topic, _text: None).info for name in names]


def _wanted_size(size: str, width: int, height: int) -> tuple[int, int] | None:
    if size == "source":
        return None
    if size == "custom":
        return width, height
    if size not in LONGER_SIDES:
        raise InputError("size", repr(size), ", ".join(SIZES))
    return int(size), int(size)


class FrugalSaveVideo(FrugalNode):
    """Writes a stream to a file."""

    LISTED_BEHIND = "caching"
    SEARCH_ALIASES = ("vhs", "video combine", "export video", "encode", "mp4", "h264", "h265", "av1", "prores", "gif")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSaveVideo",
            display_name="Save Video (FFmpeg)",
            category=CATEGORY,
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


NODES = (FrugalLoadVideo, FrugalLoadClips, FrugalSaveVideo)
