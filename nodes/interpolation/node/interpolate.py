"""Interpolate Frames."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, get_args

import torch
from comfy_api.latest import Input, io

from ...errors import InputError
from ...host.frugal_node import FrugalNode, InterpolationModel, Stage
from ...host.frugal_node import Keyframes as KeyframesSocket
from ...host.frugal_node import Motion as MotionSocket
from ...host.models import accelerator
from ...host.progress import NodeNotes, show_on_node
from ...host.video import Charged, StreamVideo, as_stream, uncharged
from ...keyframes.keyframes import Keyframes
from ...motion.motion import Motion
from ...upscaling.order import compare
from ...upscaling.stream import UpscaledStream
from ...video.rates import usual_rate
from ...video.stream import FrameStream
from ...video.tensors import ImageStream
from .. import forecast
from ..guided.guide_way import at_own_rate
from ..guided_stream import GuidedStream, Way
from ..interpolator import NetInterpolator
from ..stream import InterpolatedStream
from .metered import MeteredInterpolator
from .shown_ways import ShownWays

logger = logging.getLogger(__name__)
SLOWEST, FASTEST = 0.1, 1000.0


class FrugalInterpolate(FrugalNode):
    """Keyframes or a video in, a video at any frame rate out. The work is done while the video is read."""

    FORECAST = staticmethod(forecast.interpolate)
    DEVICE = "gpu"
    SHOWS_STREAM = True
    NEUTRAL_INPUTS: ClassVar[Mapping[str, Any]] = {"way": "best"}
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
                MotionSocket.Input(
                    "motion",
                    optional=True,
                    tooltip="The motion that Draw Pose got: people in the frames between then follow it, "
                    "where the model alone would let fast limbs fade or melt.",
                ),
                io.Combo.Input(
                    "way",
                    options=list(get_args(Way)),
                    default="best",
                    optional=True,
                    tooltip="With a motion or a guide. best: each shot the way that tells its known keyframes best "
                    "from their neighbours. motion, guide: always follow it. net alone: as without either.",
                ),
                io.Video.Input(
                    "guide",
                    optional=True,
                    tooltip="The clip that was edited, from the same start on: all then moves as it does there. Only "
                    "for frames that keep its outlines (denoise below 1, or control by depth or lineart, and a motion "
                    "that was not edited): where they only follow its pose it tears limbs.",
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
        motion: Motion | None = None,
        way: Way = "best",
        guide: Input.Video | None = None,
    ) -> io.NodeOutput:
        if not SLOWEST <= frame_rate <= FASTEST:
            raise InputError("frame_rate", f"{frame_rate:g}", f"{SLOWEST:g} to {FASTEST:g} frames per second")
        rate = usual_rate(frame_rate)
        source, plan = _pictures(frames, keyframes)
        audio = as_stream(audio_from).audio if audio_from is not None else source.audio
        interpolator = NetInterpolator(interp_model.model, accelerator(interp_model))
        if way not in get_args(Way):
            raise InputError("way", repr(way), ", ".join(get_args(Way)))
        stream, shown = InterpolatedStream(source, plan, rate, interpolator, audio), ShownWays(plan)
        if motion is not None and source.info.lasts is not None:  # from Restore Length: of a clip whose end was held
            motion = motion.with_keypoints(motion.keypoints[: plan.frame_count])
        if way in ("motion", "guide") or (way == "best" and (motion is not None or guide is not None)):
            told = partial(NodeNotes(logging.INFO), "motion")
            clip = at_own_rate(uncharged(as_stream(guide))[0]) if guide is not None else None
            net = MeteredInterpolator(interpolator)
            stream = GuidedStream(source, plan, rate, net, motion, audio, way, told, clip, shown.add)
        return io.NodeOutput(_interpolated_video(stream, replace(cls.stage(), beside=shown.as_ui)))


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
        source = as_stream(frames, "frames")
    count = source.info.frame_count
    if keyframes is None:
        return source, Keyframes.all_frames(count, source.info.frame_rate)
    if count == len(keyframes.frames):
        return source, keyframes
    if count == keyframes.frame_count:
        return source, Keyframes.all_frames(count, keyframes.frame_rate, keyframes.cuts)
    allowed = f"{len(keyframes.frames)} (one per keyframe) or {keyframes.frame_count} (one per frame of the plan)"
    raise InputError("frames", f"{count} frames", allowed, "Take frames and keyframes from the same run.")
