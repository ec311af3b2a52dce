"""MediaPipe's pose landmarker over a stream of frames."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..motion.motion import Keypoints
from ..video.stream import FrameStream

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import PoseLandmarker

MAX_PEOPLE = 8

_BLAZEPOSE_SHOULDERS = (11, 12)
_NECK = 1
# BlazePose-33 index of each OpenPose-18 joint; the neck, which BlazePose lacks, holds the place of the nose.
_BLAZEPOSE = np.array((0, 0, 12, 14, 16, 11, 13, 15, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7))


@dataclass(frozen=True)
class LandmarkSettings:
    """What counts as a person, and as a joint.

    Attributes:
        people: most people to look for in a frame, 1..8.
        confidence: least confidence 0..1 to detect a person, and to keep following them.
        joint_confidence: joints below this (0..1) are missing: hidden behind something, or guessed.
    """

    people: int = 1
    confidence: float = 0.5
    joint_confidence: float = 0.3

    def __post_init__(self) -> None:
        if not 1 <= self.people <= MAX_PEOPLE:
            raise InputError("people", str(self.people), f"1 to {MAX_PEOPLE}")
        for name, value in (("confidence", self.confidence), ("joint_confidence", self.joint_confidence)):
            if not 0 <= value <= 1:
                raise InputError(name, str(value), "0 to 1")


def detect_people(stream: FrameStream, model: Path, settings: LandmarkSettings) -> Generator[Keypoints, None, None]:
    """Find people in every frame, on the CPU, holding one chunk of frames at a time.

    Args:
        stream: the frames.
        model: a ``pose_landmarker_*.task`` bundle.
        settings: what to look for.

    Yields:
        Per frame: ``(people found, 18, 3)`` in OpenPose-18 order, as in ``Motion``; in no particular order.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: ``model`` is not a pose landmarker.
    """
    with _open_landmarker(model, settings) as landmarker:
        for index, frame in enumerate(frame for chunk in stream.chunks() for frame in chunk):
            result = landmarker.detect_for_video(_image(frame), _milliseconds(index, stream))
            found = [to_openpose(_array(pose), settings.joint_confidence) for pose in result.pose_landmarks]
            yield np.stack(found) if found else np.empty((0, len(_BLAZEPOSE), 3), np.float32)


def to_openpose(blazepose: npt.NDArray[np.float32], joint_confidence: float = 0.0) -> Keypoints:
    """Convert one person from BlazePose-33 to OpenPose-18 (COCO).

    The neck is the middle of the shoulders and as sure as the less sure of the two. A joint outside the frame or
    below ``joint_confidence`` is missing: all zero.

    Args:
        blazepose: ``(33, 3)``: x, y as fractions of the frame, confidence 0..1.
        joint_confidence: least confidence of a joint.

    Returns:
        ``(18, 3)``.
    """
    body: Keypoints = blazepose[_BLAZEPOSE]
    shoulders = blazepose[list(_BLAZEPOSE_SHOULDERS)]
    body[_NECK] = (*shoulders[:, :2].mean(axis=0), shoulders[:, 2].min())
    inside = ((body[:, :2] >= 0) & (body[:, :2] < 1)).all(axis=1)
    body[~inside | (body[:, 2] < joint_confidence)] = 0
    return body


def _array(pose: list[Any]) -> npt.NDArray[np.float32]:
    # visibility: not hidden by something, given that it is in the frame; presence: it is in the frame.
    return np.array([(p.x, p.y, (p.visibility or 0) * (p.presence or 0)) for p in pose], np.float32)


def _image(frame: npt.NDArray[np.uint8]) -> Any:
    import mediapipe

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))


def _milliseconds(index: int, stream: FrameStream) -> int:
    """Time stamp of a frame; strictly increasing, as MediaPipe demands, even above 1000 frames per second."""
    return max(index, int(index * 1000 / stream.info.frame_rate))


def _open_landmarker(model: Path, settings: LandmarkSettings) -> PoseLandmarker:
    try:
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:
        raise ImportError(
            f"Extract Pose needs mediapipe, which cannot be imported ({error}). "
            "Install it into ComfyUI's Python: pip install mediapipe==0.10.33"
        ) from error
    options = vision.PoseLandmarkerOptions(
        # The bytes, not the path: MediaPipe's own file access does not take every path on Windows.
        base_options=BaseOptions(model_asset_buffer=model.read_bytes(), delegate=BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode.VIDEO,
        num_poses=settings.people,
        min_pose_detection_confidence=settings.confidence,
        min_pose_presence_confidence=settings.confidence,
        min_tracking_confidence=settings.confidence,
    )
    try:
        return vision.PoseLandmarker.create_from_options(options)
    except OSError as error:
        raise ImportError(
            f"mediapipe needs a system library that is missing ({error}). "
            "On Debian and Ubuntu: apt-get install libegl1 libgles2"
        ) from error
    except (RuntimeError, ValueError) as error:
        found = f"{model.name}, which MediaPipe cannot open ({error})"
        raise InputError("model", found, "a pose_landmarker_*.task bundle", "Download it again.") from error
