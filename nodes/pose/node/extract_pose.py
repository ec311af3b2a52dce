"""Extract Pose (MediaPipe)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import torch
from comfy_api.latest import Input, io

from ...caching.memoize import memoized
from ...errors import InputError
from ...host.background import in_background
from ...host.folders import list_models, model_file
from ...host.frugal_node import FrugalNode, Motion
from ...host.progress import Progress
from ...host.video import as_stream
from ...motion.node.player import shown_motion
from ...video.rates import usual_rate
from ...video.stream import ArrayStream, FrameStream
from ...video.tensors import to_frames
from .. import forecast
from ..extract import extract_pose
from ..landmarks import MAX_PEOPLE, LandmarkSettings

logger = logging.getLogger(__name__)
OFFICIAL_MODELS = ("pose_landmarker_full.task", "pose_landmarker_lite.task", "pose_landmarker_heavy.task")
HAND_MODEL = "hand_landmarker.task"


class FrugalExtractPose(FrugalNode):
    """Finds and follows people, on the CPU."""

    FORECAST = staticmethod(forecast.extract_pose)
    PRECOMPUTABLE = True
    MEMOIZED = True
    SEARCH_ALIASES = ("openpose", "dwpose", "pose estimation", "skeleton", "keypoints", "landmarks", "motion capture")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalExtractPose",
            display_name="Extract Pose (MediaPipe)",
            category="Frugal Motion/Pose",
            description="Finds the joints of every person in every frame and follows each person through the clip. "
            "Runs on the CPU; reads the video as a stream.",
            inputs=[
                io.MultiType.Input("video", [io.Video, io.Image], tooltip="The clip: a video, or a batch of images."),
                io.Combo.Input(
                    "model",
                    options=pose_models(),
                    tooltip="From models/mediapipe. On one CPU core at 640x480, lite does about 87 frames a second, "
                    "full 62, heavy 19; heavier ones find small and twisted bodies more often.",
                ),
                io.Int.Input(
                    "people",
                    default=1,
                    min=1,
                    max=MAX_PEOPLE,
                    tooltip="Most people to follow at a time. Each costs time, the more so the lighter the model.",
                ),
                io.Float.Input(
                    "confidence",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How sure the model must be that something is a person. Lower finds more, and more that "
                    "are none.",
                ),
                io.Float.Input(
                    "joint_confidence",
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Joints below this are left out: hidden behind something, or guessed.",
                ),
                io.Float.Input(
                    "frame_rate",
                    default=12.0,
                    min=0.1,
                    max=240.0,
                    step=0.001,
                    optional=True,
                    tooltip="Frames per second of a batch of images. A video brings its own.",
                ),
                io.Boolean.Input(
                    "hands",
                    default=False,
                    optional=True,
                    tooltip="Also find the fingers of both hands (models/mediapipe/hand_landmarker.task). Takes about "
                    "as long again.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="Everyone's joints over time.")],
        )

    @classmethod
    def execute(
        cls,
        video: Input.Video | torch.Tensor,
        model: str,
        people: int,
        confidence: float,
        joint_confidence: float = 0.3,
        frame_rate: float = 12.0,
        hands: bool = False,
    ) -> io.NodeOutput:
        hand_model = model_file("mediapipe", HAND_MODEL, "hands") if hands else None
        settings = LandmarkSettings(people, confidence, joint_confidence, hand_model)
        stream = frames_of(video, frame_rate)
        path = model_file("mediapipe", model, "model")
        motion = memoized(
            cls.stage(),
            {"video": stream, "model": path, "settings": settings},
            lambda: extract_pose(stream, path, settings, Progress(stream.info.frame_count).step),
        )
        motion = replace(motion, region=stream.info.region)  # of this file, should another have the same content
        if motion.coverage < 1 and not in_background():
            logger.warning("Extract Pose: nobody in %.0f %% of the frames", 100 * (1 - motion.coverage))
        return io.NodeOutput(motion, ui=shown_motion(motion))

    @classmethod
    def resolved_inputs(cls, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs with the model that ``hands`` means, for whoever asks what a result was made of."""
        return {**inputs, "hands": HAND_MODEL} if inputs.get("hands") is True else inputs


def pose_models() -> list[str]:
    """Those that are there first. The official ones are always offered: choosing a missing one tells how to get it."""
    return list(dict.fromkeys((*(name for name in list_models("mediapipe") if "pose" in name), *OFFICIAL_MODELS)))


def frames_of(video: Any, frame_rate: float) -> FrameStream:
    """A VIDEO, or an IMAGE at a frame rate, as a stream.

    Raises:
        InputError: an IMAGE without pictures, or a frame rate that is none.
    """
    if not isinstance(video, torch.Tensor):
        return as_stream(video)
    if len(video) == 0:
        raise InputError("video", "no images", "1 image or more")
    if frame_rate <= 0:
        raise InputError("frame_rate", f"{frame_rate:g}", "more than 0")
    return ArrayStream(to_frames(video), usual_rate(frame_rate))
