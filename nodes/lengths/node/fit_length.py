"""Fit Length."""

from __future__ import annotations

from comfy_api.latest import Input, io

from ...errors import InputError
from ...host.frugal_node import FrugalNode, WayBack
from ...host.progress import NodeNotes
from ...host.video import StreamVideo, as_stream, uncharged
from ...video.grid import ClipStream
from ...video.rates import usual_rate
from .. import forecast
from ..fit import fit
from ..rule import RULES, rule_named


class FrugalFitLength(FrugalNode):
    """Gives a clip the rate and the number of frames that a video model takes."""

    FORECAST = staticmethod(forecast.fit_length)
    PRECOMPUTABLE = True
    LISTED_BEHIND = "video"
    SEARCH_ALIASES = (
        "wan",
        "ltx",
        "hunyuan",
        "vace",
        "4n+1",
        "8n+1",
        "81 frames",
        "frame count",
        "resample",
        "pad video",
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalFitLength",
            display_name="Fit Length",
            category="Frugal Motion/Video",
            description="Brings a clip to the frame rate and the number of frames that a video model takes. Nothing is "
            "lost: the last frame is held for as long as it needs. Restore Length undoes that.",
            inputs=[
                io.Video.Input("video", tooltip="From Load Video, of any pack: its file is read at the new rate."),
                io.Combo.Input(
                    "rule",
                    options=list(RULES),
                    tooltip="Numbers of frames that the model takes: 1 and a multiple of 4, as Wan and Hunyuan Video, "
                    "1 and a multiple of 8, as LTX, or any.",
                ),
                io.Float.Input(
                    "frame_rate",
                    default=12.0,
                    min=0.0,
                    max=240.0,
                    step=0.001,
                    tooltip="Frames per second that the model makes. Wan was trained at 16, its Animate at 30; 12, "
                    "with Interpolate Frames behind it, is a third less work than 16. 0: as the video comes.",
                ),
                io.Int.Input(
                    "most",
                    default=0,
                    min=0,
                    max=100_000,
                    tooltip="Most frames that the model makes at once: 81 for Wan, 77 for Animate. What is longer is "
                    "cut, and the node says how much. 0: no limit.",
                ),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="As many frames as the model takes, with the sound."),
                io.Int.Output(display_name="length", tooltip="How many they are: for length of the model's node."),
                WayBack.Output(display_name="way_back", tooltip="For Restore Length."),
            ],
        )

    @classmethod
    def execute(cls, video: Input.Video, rule: str, frame_rate: float = 12.0, most: int = 0) -> io.NodeOutput:
        if frame_rate < 0:
            raise InputError("frame_rate", f"{frame_rate:g}", "more than 0 frames/s, or 0 for the video's own")
        stream = as_stream(video)
        loaded, _ = uncharged(stream)
        clip = loaded if isinstance(loaded, ClipStream) else stream
        rate = usual_rate(frame_rate) if frame_rate else None
        fitted, way_back = fit(clip, rule_named(rule), rate, most, NodeNotes())
        return io.NodeOutput(StreamVideo(fitted, cls.stage()), way_back.length, way_back)
