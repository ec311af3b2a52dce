"""Person Masks (MediaPipe)."""

from __future__ import annotations

import torch
from comfy_api.latest import Input, io

from ...caching.memoize import memoized
from ...errors import InputError
from ...host.folders import model_file
from ...host.frugal_node import FrugalNode, Motion
from ...host.progress import Progress
from ...host.video import StreamVideo
from ...motion.motion import ALL
from ...motion.motion import Motion as MotionValue
from ...pose.landmarks import MAX_PEOPLE, LandmarkSettings
from ...pose.node.extract_pose import frames_of, pose_models
from ...pose.segment import segment_people
from ...video.shrunk import ShrunkStream
from .. import forecast
from ..fit import fitted
from ..person_masks import PersonMasks
from ..steady import MOST_GROWTH, MaskSettings
from ..stream import MaskStream

_LONGEST = 768
"""Pixels: longer side of the frames that are looked at. The model sees 256, so larger ones only take longer."""


class FrugalPersonMasks(FrugalNode):
    """Finds the pixels of people, on the CPU."""

    FORECAST = staticmethod(forecast.person_masks)
    SHOWS_STREAM = True
    PRECOMPUTABLE = True
    MEMOIZED = True
    SEARCH_ALIASES = ("segmentation", "matting", "rembg", "remove background", "sam", "silhouette", "rotoscoping")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalPersonMasks",
            display_name="Person Masks (MediaPipe)",
            category="Frugal Motion/Masks",
            description="Finds the pixels of every person in every frame, with the model that finds their pose, and "
            "keeps the outlines from trembling. Runs on the CPU; gives a grey video, white where people are.",
            inputs=[
                io.MultiType.Input("video", [io.Video, io.Image], tooltip="The clip: a video, or a batch of images."),
                io.Combo.Input(
                    "model",
                    options=pose_models(),
                    tooltip="From models/mediapipe. Masks take about as long again as the pose alone.",
                ),
                io.Int.Input(
                    "people",
                    default=1,
                    min=1,
                    max=MAX_PEOPLE,
                    tooltip="Most people to look for at a time; with a motion at least as many as it has.",
                ),
                io.Int.Input(
                    "person",
                    default=0,
                    min=0,
                    max=MAX_PEOPLE,
                    tooltip="Whose mask: 0 is everybody; else the number in the motion, which begins with 1.",
                ),
                io.Float.Input(
                    "grow",
                    default=0.0,
                    min=-MOST_GROWTH,
                    max=MOST_GROWTH,
                    step=0.5,
                    tooltip="Pixels by which masks get larger, so that hair and clothes are inside; below 0, smaller.",
                ),
                io.Float.Input(
                    "feather",
                    default=1.0,
                    min=0.0,
                    max=MOST_GROWTH,
                    step=0.5,
                    tooltip="Pixels over which a mask ends. 0 is a hard edge.",
                ),
                io.Float.Input(
                    "steady",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much outlines are kept from trembling from frame to frame.",
                ),
                Motion.Input(
                    "motion",
                    optional=True,
                    tooltip="From Extract Pose of this video: who is meant, and how people are numbered.",
                ),
                Motion.Input(
                    "edited_motion",
                    optional=True,
                    tooltip="The motion that Draw Pose gets, where it was styled or retargeted: its bodies are in the "
                    "masks too, since they leave the outline of the video.",
                ),
                io.Float.Input(
                    "confidence",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="How sure the model must be that something is a person.",
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
            ],
            outputs=[
                io.Video.Output(display_name="masks", tooltip="Grey frames: white is the person. Made while read.")
            ],
        )

    @classmethod
    def execute(
        cls,
        video: Input.Video | torch.Tensor,
        model: str,
        people: int,
        person: int = 0,
        grow: float = 0.0,
        feather: float = 1.0,
        steady: float = 1.0,
        motion: MotionValue | None = None,
        edited_motion: MotionValue | None = None,
        confidence: float = 0.5,
        frame_rate: float = 12.0,
    ) -> io.NodeOutput:
        wanted = MaskSettings(ALL if person == 0 else person - 1, grow, feather, steady)
        looked_for = LandmarkSettings(max(people, motion.people if motion else 1), confidence)
        stream, path = frames_of(video, frame_rate), model_file("mediapipe", model, "model")
        looked_at = {"video": stream, "model": path, "settings": looked_for, "motion": motion}

        def find() -> PersonMasks:
            progress, small = Progress(2 * stream.info.frame_count), ShrunkStream(stream, _LONGEST)
            return fitted(segment_people(small, path, looked_for, motion, progress.step), small, progress.step)

        # "fitted" keeps them apart from masks that were kept before they were.
        masks = memoized(cls.stage(), {**looked_at, "masks": "fitted"}, find)
        if person > masks.people:
            raise InputError("person", str(person), f"0 to {masks.people}, as so many are found")
        return io.NodeOutput(StreamVideo(MaskStream(masks, wanted, edited_motion, stream.info), cls.stage()))
