"""Put Back."""

from __future__ import annotations

from comfy_api.latest import Input, io

from ...host.frugal_node import Crop, FrugalNode
from ...host.video import StreamVideo, as_stream
from .. import forecast
from ..crop import Crop as CropValue
from ..put_back import PutBackStream, SeamSettings


class FrugalPutBack(FrugalNode):
    """Lays the edit of a crop over the clip again."""

    FORECAST = staticmethod(forecast.put_back)
    SHOWS_STREAM = True
    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("stitch", "inpaint stitch", "composite", "paste", "uncrop", "overlay", "merge")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalPutBack",
            display_name="Put Back",
            category="Frugal Motion/Compositing",
            description="Lays the edit of a crop over the clip that it was cut out of, at the clip's own size and the "
            "edit's frame rate. Outside of the masks every pixel stays as it was.",
            inputs=[
                io.Video.Input("frames", tooltip="The edit of the cropped frames: upscaled, interpolated as you like."),
                Crop.Input("crop", tooltip="From Crop to Person."),
                io.Video.Input(
                    "source",
                    tooltip="What it is laid over: the clip at any size and frame rate, from the same start on, say, "
                    "the file's own size from another Load Video; best without the person, from Clean Plate.",
                ),
                io.Video.Input(
                    "masks",
                    optional=True,
                    tooltip="Of the cropped frames, from Person Masks: the edit shows where they are white. Without "
                    "them it fills the box.",
                ),
                io.Float.Input(
                    "feather",
                    default=12.0,
                    min=0.0,
                    max=256.0,
                    step=0.5,
                    tooltip="Pixels of the source over which the edit gives way to it, inside of the mask.",
                ),
                io.Float.Input(
                    "match",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How far the edit takes the colours that the source has around it.",
                ),
            ],
            outputs=[io.Video.Output(display_name="video", tooltip="The whole clip; made while it is read.")],
        )

    @classmethod
    def execute(
        cls,
        frames: Input.Video,
        crop: CropValue,
        source: Input.Video,
        masks: Input.Video | None = None,
        feather: float = 12.0,
        match: float = 1.0,
    ) -> io.NodeOutput:
        outlines = as_stream(masks) if masks is not None else None
        settings = SeamSettings(feather, match)
        stream = PutBackStream(as_stream(frames), crop, as_stream(source), outlines, settings)
        return io.NodeOutput(StreamVideo(stream, cls.stage()))
