"""From frames to a Motion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from ..motion.motion import Motion
from ..video.stream import FrameStream
from .landmarks import LandmarkSettings, detect_people
from .people import follow_people


def extract_pose(
    stream: FrameStream, model: Path, settings: LandmarkSettings, on_frame: Callable[[], object] = lambda: None
) -> Motion:
    """Find the people of a clip and follow them.

    Args:
        stream: the frames; read once but for a few, a chunk at a time.
        model: a ``pose_landmarker_*.task`` bundle.
        settings: what to look for.
        on_frame: called after every frame; may raise to stop.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: nobody is found in any frame, or ``model`` is not a pose landmarker.
    """
    info = stream.info
    detected = detect_people(stream, model, settings, on_frame)
    people = follow_people(detected, settings.people, info.frame_rate, aspect=info.width / info.height)
    motion = Motion(people, info.frame_rate, info.width, info.height, info.region)
    if motion.coverage == 0:
        found = f"no person in {motion.frame_count} frames"
        remedy = "Lower confidence, choose a heavier model, or a clip that shows a person large enough."
        raise InputError("video", found, "a clip with at least one person", remedy)
    return motion
