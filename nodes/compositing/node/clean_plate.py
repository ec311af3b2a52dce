"""Clean Plate."""

from __future__ import annotations

from comfy_api.latest import Input, io

from ...caching.memoize import memoized
from ...host.frugal_node import FrugalNode
from ...host.progress import Progress, show_on_node
from ...host.video import StreamVideo, as_stream
from .. import forecast
from ..clean import CleanSettings, CleanStream
from ..place import Place, survey


class FrugalCleanPlate(FrugalNode):
    """Takes people out of a clip."""

    FORECAST = staticmethod(forecast.clean_plate)
    SHOWS_STREAM = True
    PRECOMPUTABLE = True
    MEMOIZED = True
    SEARCH_ALIASES = (
        "remove person",
        "object removal",
        "background plate",
        "inpaint background",
        "empty room",
        "median",
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalCleanPlate",
            display_name="Clean Plate",
            category="Frugal Motion/Compositing",
            description="The clip without its people: what they hide is taken from frames that show it, whether the "
            "camera stands or moves, and made up where none does. Farther from them every pixel stays as it was. Runs "
            "on the CPU.",
            inputs=[
                io.Video.Input("video", tooltip="The clip, at the size and frame rate at which the place is needed."),
                io.Video.Input(
                    "masks", tooltip="White where those are who go: from Person Masks, at any size and frame rate."
                ),
                io.Float.Input(
                    "margin",
                    default=0.01,
                    min=0.0,
                    max=0.25,
                    step=0.005,
                    tooltip="How far around the masks the place is laid, as a share of the longer side: hair, blur and "
                    "shadows at the feet go too.",
                ),
                io.Float.Input(
                    "match",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How far the place takes the light that each frame has around people.",
                ),
            ],
            outputs=[io.Video.Output(display_name="video", tooltip="The place alone; made while it is read.")],
        )

    @classmethod
    def execute(cls, video: Input.Video, masks: Input.Video, margin: float = 0.01, match: float = 1.0) -> io.NodeOutput:
        source, outlines, settings = as_stream(video), as_stream(masks), CleanSettings(margin, match)
        place = memoized(
            cls.stage(),
            {"video": source, "masks": outlines, "margin": margin},
            lambda: survey(source, outlines, margin, Progress(source.info.frame_count).step),
        )
        show_on_node(_told(place))
        return io.NodeOutput(StreamVideo(CleanStream(source, outlines, place, settings), cls.stage()))


def _told(place: Place) -> str:
    stands = [shot.camera.stands for shot in place.shots]
    camera = (
        "The camera stands" if all(stands) else "The camera moves" if not any(stands) else "The camera stands at times"
    )
    shots = f", in {len(stands)} shots" if len(stands) > 1 else ""
    return f"{camera}{shots}. {place.invented:.0%} of what people hide is never seen, and made up."
