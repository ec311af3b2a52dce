"""Same Clip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfy_api.latest import Input, io

from ...errors import InputError
from ...host.frugal_node import FrugalNode
from ...host.progress import NodeNotes
from ...host.video import StreamVideo, as_stream, uncharged
from .. import forecast
from ..clip import open_clip
from ..decode_settings import decode_settings
from ..grid import ClipStream
from ..picture_stream import PictureStream
from .loading import decode_inputs


class FrugalSameClip(FrugalNode):
    """Opens the file of a clip again, at another rate and size."""

    FORECAST = staticmethod(forecast.same_clip)
    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("load again", "reload", "full size", "other frame rate", "resize video")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSameClip",
            display_name="Same Clip (FFmpeg)",
            category="Frugal Motion/Video",
            description="The same seconds of the same file as a loaded clip, at another frame rate and size: say, the "
            "place at the file's own size behind an edit of 512 pixels. The file is chosen once.",
            inputs=[
                io.Video.Input("video", tooltip="From Load Video, of any pack: its file, from its start, as long."),
                *decode_inputs()[2:],
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The video with its sound, decoded when it is read.")
            ],
        )

    @classmethod
    def execute(cls, video: Input.Video, **settings: Any) -> io.NodeOutput:
        loaded, _ = uncharged(as_stream(video))
        if not isinstance(loaded, ClipStream):
            found, allowed = "frames that another node has made", "a clip straight from the node that loads it"
            raise InputError("video", found, allowed)
        opening = decode_settings(**settings)
        if isinstance(loaded, PictureStream):  # pictures have no time but the one that they were loaded with
            opening = replace(opening, frame_rate=loaded.info.frame_rate)
        opening = replace(opening, start=loaded.settings.start, duration=loaded.settings.duration)
        return io.NodeOutput(StreamVideo(open_clip(loaded.path, opening, NodeNotes()), cls.stage()))
