"""From frames to a Motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ..errors import InputError
from ..motion.motion import Keypoints, Motion
from ..video.stream import FrameStream
from .landmarks import LandmarkSettings, detect_people
from .people import follow_people


def extract_pose(
    stream: FrameStream, model: Path, settings: LandmarkSettings, on_frame: Callable[[], object] = lambda: None
) -> Motion:
    """Find the people of a clip and follow them.

    Args:
        stream: the frames; read once, a chunk at a time.
        model: a ``pose_landmarker_*.task`` bundle.
        settings: what to look for.
        on_frame: called after every frame; may raise to stop.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: nobody is found in any frame, or ``model`` is not a pose landmarker.
    """
    info = stream.info
    with closing(detect_people(stream, model, settings)) as detected:
        people = follow_people(
            _counted(detected, on_frame), settings.people, info.frame_rate, aspect=info.width / info.height
        )
    motion = Motion(people, info.frame_rate, info.width, info.height)
    if motion.coverage == 0:
        found = f"no person in {motion.frame_count} frames"
        remedy = "Lower confidence, choose a heavier model, or a clip that shows a person large enough."
        raise InputError("video", found, "a clip with at least one person", remedy)
    return motion


def _counted(frames: Iterator[Keypoints], on_frame: Callable[[], object]) -> Iterator[Keypoints]:
    for frame in frames:
        yield frame
        on_frame()
