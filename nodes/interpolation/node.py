"""Load Interpolation Model (RIFE) and Interpolate Frames."""

from __future__ import annotations

import logging
from typing import Any

import torch
from comfy_api.latest import Input, io

from ..errors import InputError
from ..host.folders import list_models, model_file
from ..host.models import accelerator, compute_device, convolution_dtype, load_state_dict, managed
from ..host.node import FrugalNode, InterpolationModel, Stage
from ..host.node import Keyframes as KeyframesSocket
from ..host.progress import show_on_node
from ..host.video import Charged, StreamVideo, as_stream, uncharged
from ..keyframes.keyframes import Keyframes
from ..upscaling.order import compare
from ..upscaling.stream import UpscaledStream
from ..video.rates import usual_rate
from ..video.stream import FrameStream
from ..video.tensors import ImageStream
from .interpolator import NetInterpolator
from .rife import load_rife
from .stream import InterpolatedStream

logger = logging.getLogger(__name__)

FOLDER = "frame_interpolation"
SLOWEST, FASTEST = 0.1, 1000.0


class FrugalLoadInterpolator(FrugalNode):
    """A RIFE net under ComfyUI's model management."""

    SEARCH_ALIASES = ("rife", "film", "vfi", "frame interpolation")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalLoadInterpolator",
            display_name="Load Interpolation Model (RIFE)",
            category="Frugal Motion/Interpolation",
            description="Loads RIFE 4.25 or 4.26, which makes a frame at any time between two others. "
            "FILM loads with ComfyUI's own Load Frame Interpolation Model; either feeds Interpolate Frames.",
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=list_models(FOLDER),
                    tooltip=f"A RIFE 4.25 or 4.26 file in ComfyUI's models/{FOLDER} folder.",
                )
            ],
            outputs=[
                InterpolationModel.Output(
                    display_name="interp_model", tooltip="For Interpolate Frames, ours or core's."
                )
            ],
        )

    @classmethod
    def execute(cls, model_name: str) -> io.NodeOutput:
        net = load_rife(load_state_dict(model_file(FOLDER, model_name, "model_name")), model_name)
        net.to(convolution_dtype(compute_device())).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return io.NodeOutput(managed(net))


class FrugalInterpolate(FrugalNode):
    """Keyframes or a video in, a video at any frame rate out. The work is done while the video is read."""

    DEVICE = "gpu"
    SHOWS_STREAM = True
    SEARCH_ALIASES = ("rife", "film", "vfi", "frame interpolation", "25 fps", "30 fps", "60 fps", "slow motion")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalInterpolate",
            display_name="Interpolate Frames",
            category="Frugal Motion/Interpolation",
            description="Fills the time between keyframes up to any frame rate, on the exact time grid: from 12 to 25 "
            "frames per second nothing drifts. Frames that fall on the new grid are kept, and the frames "
            "are made one by one while the video is saved.",
            inputs=[
                io.MultiType.Input(
                    "frames",
                    [io.Image, io.Video],
                    tooltip="Edited keyframes (or every frame) as an IMAGE, or a VIDEO of which every frame counts.",
                ),
                InterpolationModel.Input("interp_model", tooltip="RIFE from our loader, or RIFE or FILM from core's."),
                io.Float.Input(
                    "frame_rate",
                    default=25.0,
                    min=SLOWEST,
                    max=FASTEST,
                    step=0.001,
                    tooltip="Frames per second of the result. 23.976, 29.97 and 59.94 mean the exact NTSC rates.",
                ),
                KeyframesSocket.Input(
                    "keyframes",
                    optional=True,
                    tooltip="When the frames are shown (from Plan Keyframes). Nothing is blended across its cuts. "
                    "An IMAGE needs it; a VIDEO without it is taken at its own rate.",
                ),
                io.Video.Input(
                    "audio_from",
                    optional=True,
                    tooltip="The sound of this video goes with the result, cut to its length. "
                    "Without it, a VIDEO in frames keeps its own.",
                ),
            ],
            outputs=[
                io.Video.Output(display_name="video", tooltip="The frames at the new rate, made while they are read.")
            ],
        )

    @classmethod
    def execute(
        cls,
        frames: Any,
        interp_model: Any,
        frame_rate: float,
        keyframes: Keyframes | None = None,
        audio_from: Input.Video | None = None,
    ) -> io.NodeOutput:
        if not SLOWEST <= frame_rate <= FASTEST:
            raise InputError("frame_rate", f"{frame_rate:g}", f"{SLOWEST:g} to {FASTEST:g} frames per second")
        rate = usual_rate(frame_rate)
        source, plan = _pictures(frames, keyframes)
        audio = as_stream(audio_from).audio if audio_from is not None else source.audio
        interpolator = NetInterpolator(interp_model.model, accelerator(interp_model))
        stream = InterpolatedStream(source, plan, rate, interpolator, audio)
        return io.NodeOutput(_interpolated_video(stream, cls.stage()))


def _interpolated_video(stream: InterpolatedStream, stage: Stage) -> StreamVideo:
    """Interpolate what is read; below an upscaling, if it is wired behind one and that is cheaper."""
    source, upscaling = uncharged(stream.source)
    if isinstance(source, UpscaledStream):
        small = source.source.info
        orders = compare(stream, (small.width, small.height), source.upscaler)
        if orders and orders.best == "interpolate first":
            logger.info("Interpolate Frames: %s", orders)
            show_on_node(str(orders))
            made = Charged(stream.over(source.source), stage)
            return StreamVideo(UpscaledStream(made, source.upscaler), upscaling)
    return StreamVideo(stream, stage)


def _pictures(frames: Any, keyframes: Keyframes | None) -> tuple[FrameStream, Keyframes]:
    """The frames as a stream, and when each of them is shown."""
    if isinstance(frames, torch.Tensor):
        if keyframes is None:
            allowed, remedy = "the plan by which the frames were made", "Connect Plan Keyframes, or give a VIDEO."
            raise InputError("keyframes", "nothing beside an IMAGE", allowed, remedy)
        source: FrameStream = ImageStream(frames, keyframes.frame_rate)
    else:
        source = as_stream(frames)
    count = source.info.frame_count
    if keyframes is None:
        return source, Keyframes.all_frames(count, source.info.frame_rate)
    if count == len(keyframes.frames):
        return source, keyframes
    if count == keyframes.frame_count:
        return source, Keyframes.all_frames(count, keyframes.frame_rate, keyframes.cuts)
    allowed = f"{len(keyframes.frames)} (one per keyframe) or {keyframes.frame_count} (one per frame of the plan)"
    raise InputError("frames", f"{count} frames", allowed, "Take frames and keyframes from the same run.")


NODES = (FrugalLoadInterpolator, FrugalInterpolate)
