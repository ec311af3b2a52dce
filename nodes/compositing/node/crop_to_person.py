"""Crop to Person."""

from __future__ import annotations

from comfy_api.latest import Input, io

from ...caching.memoize import memoized
from ...host.frugal_node import Crop, FrugalNode, Keyframes, Motion, note_spared
from ...host.progress import show_on_node
from ...host.video import StreamVideo, as_stream
from ...keyframes.keyframes import Keyframes as KeyframesValue
from ...motion.motion import ALL
from ...motion.motion import Motion as MotionValue
from ...motion.node.player import shown_motion
from .. import forecast
from ..boxes import PATHS, CropSettings, Path, crop_around
from ..cropped import CroppedStream


class FrugalCropToPerson(FrugalNode):
    """Cuts people out of their clip, so that nothing else is sampled."""

    FORECAST = staticmethod(forecast.crop)
    SHOWS_STREAM = True
    PRECOMPUTABLE = True
    MEMOIZED = True
    SEARCH_ALIASES = ("crop and stitch", "inpaint crop", "zoom", "region of interest", "track", "bounding box")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalCropToPerson",
            display_name="Crop to Person",
            category="Frugal Motion/Compositing",
            description="Cuts a box around people out of every frame and scales it to the size that is sampled, so "
            "that no pixel is spent on the wall behind them. Put Back brings the edit home.",
            inputs=[
                io.Video.Input("video", tooltip="The clip; best at its own size, since only the box is kept."),
                Motion.Input("motion", tooltip="Of the people in it, from Extract Pose or Smooth Motion."),
                io.Combo.Input(
                    "path",
                    options=list(PATHS),
                    default="steady",
                    tooltip="steady: one box for a shot, so that the background stands. follow: a smaller box that "
                    "moves smoothly with people who cross the picture.",
                ),
                io.Float.Input(
                    "margin",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Room around people on each side, as a share of the box's longer side.",
                ),
                io.Int.Input(
                    "size",
                    default=512,
                    min=64,
                    max=4096,
                    step=8,
                    tooltip="Cropped frames have as many pixels as a square of this side, in the shape people need.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=4096,
                    step=8,
                    tooltip="Of cropped frames, with height, instead of size: clips of one size share batches.",
                ),
                io.Int.Input("height", default=0, min=0, max=4096, step=8, tooltip="See width."),
                io.Int.Input(
                    "person",
                    default=0,
                    min=0,
                    max=64,
                    tooltip="Who: 0 is everybody; else the number in the motion, which begins with 1.",
                ),
                Motion.Input(
                    "edited_motion",
                    optional=True,
                    tooltip="Where the edit takes them, from Motion Style and others: that is inside the box too.",
                ),
                Keyframes.Input(
                    "keyframes", optional=True, tooltip="A plan whose cuts count: in each shot the box is another."
                ),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The box of every frame, scaled; made while it is read."),
                Motion.Output(
                    display_name="motion", tooltip="The edited motion, or else motion, in the places of the box."
                ),
                Crop.Output(display_name="crop", tooltip="For Put Back."),
            ],
        )

    @classmethod
    def execute(
        cls,
        video: Input.Video,
        motion: MotionValue,
        path: Path = "steady",
        margin: float = 0.05,
        size: int = 512,
        width: int = 0,
        height: int = 0,
        person: int = 0,
        edited_motion: MotionValue | None = None,
        keyframes: KeyframesValue | None = None,
    ) -> io.NodeOutput:
        stream = as_stream(video)
        settings = CropSettings(path, margin, size, width, height, ALL if person == 0 else person - 1)
        motions = [one for one in (motion, edited_motion) if one is not None]
        cuts = keyframes.cuts if keyframes else ()
        crop = memoized(
            cls.stage(),
            {"motions": motions, "clip": stream.info, "settings": settings, "cuts": cuts},
            lambda: crop_around(motions, stream.info, settings, cuts),
        )
        show_on_node(f"{crop.share:.0%} of the picture, {crop.box[0]} x {crop.box[1]} pixels")
        note_spared(crop.frame_count, crop.frame_count * (1 - crop.share))
        inside = crop.motion(motions[-1])
        cropped = StreamVideo(CroppedStream(stream, crop), cls.stage())
        return io.NodeOutput(cropped, inside, crop, ui=shown_motion(inside))
