"""What Load Video and Load Clips have in common."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.folders import input_clip
from ...host.frugal_node import Stage
from ...host.video import StreamVideo
from ..clip import open_clip
from ..decode_settings import SIZES, DecodeSettings
from ..geometry import FITS
from ..notes import Note


def decode_inputs() -> list[Any]:
    """What to open of a clip, and at which rate and size: the arguments of ``decode_settings``."""
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


def opened(name: str, settings: DecodeSettings, stage: Stage, note: Note) -> StreamVideo:
    """A clip in ComfyUI's input folder as a VIDEO.

    Args:
        stage: who is charged for decoding.
        note: is told what the frames do not show as it is in the file.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    return StreamVideo(open_clip(input_clip(name), settings, note), stage)
