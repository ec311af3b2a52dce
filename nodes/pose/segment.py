"""From frames to the masks of people, numbered as in their motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..errors import InputError
from ..masks.person_masks import PersonMasks, packed
from ..masks.pose_region import pose_region
from ..motion.framing import is_same_source, reframed
from ..motion.motion import Keypoints, Motion
from ..video.stream import FrameStream
from .landmarks import LandmarkSettings, Seen, look_through
from .people import body_distance, follow_people

_FARTHEST = 0.5  # body sizes between the joints of one person: as found here, and as in a motion that was smoothed


def segment_people(
    stream: FrameStream,
    model: Path,
    settings: LandmarkSettings,
    motion: Motion | None = None,
    on_frame: Callable[[], object] = lambda: None,
) -> PersonMasks:
    """Find the pixels of every person, on the CPU.

    Args:
        stream: the frames; read once but for a few, a chunk at a time.
        model: a ``pose_landmarker_*.task`` bundle.
        settings: what to look for.
        motion: whose people are meant, and how they are numbered; without, those that are found here.
        on_frame: called after every frame; may raise to stop.

    Raises:
        ImportError: mediapipe, or a system library it needs, is not installed.
        InputError: nobody is found in any frame, ``model`` is not a pose landmarker, or ``motion`` is of another clip.
    """
    info = stream.info
    if motion is not None and motion.frame_count != info.frame_count:
        found, allowed = f"{motion.frame_count} frames", f"{info.frame_count}, as the video has"
        raise InputError("motion", found, allowed, "Connect the motion that was found in this video.")
    seen = [Seen(np.empty((0, 18, 3), np.float32))] * info.frame_count
    for index, one in look_through(stream, model, settings, masks=True):
        seen[index] = one
        on_frame()
    if not any(one.masks for one in seen):
        remedy = "Lower confidence, choose a heavier model, or a clip that shows a person large enough."
        raise InputError("video", f"no person in {info.frame_count} frames", "a clip with at least one person", remedy)
    size = info.width, info.height
    if motion is None:
        people = follow_people([one.people for one in seen], settings.people, info.frame_rate, info.width / info.height)
    else:
        people = (reframed(motion, info) if is_same_source(motion, info) else motion).keypoints[:, :, :18]
    return PersonMasks(info, [_numbered(one, wanted, size) for one, wanted in zip(seen, people, strict=True)])


def _numbered(seen: Seen, people: Keypoints, size: tuple[int, int]) -> Sequence[bytes]:
    """The masks of a frame by the number of the person ``(people, 18, 3)``; empty for one who is not there.

    Of somebody whose pose is known from the frames around, while the model found nobody here, it is the pose's region.
    """
    found = [b""] * len(people)
    there = np.flatnonzero((people[..., 2] > 0).any(axis=-1))
    shown = np.flatnonzero((seen.people[..., 2] > 0).any(axis=-1))
    aspect = size[0] / size[1]
    apart = np.array([[body_distance(seen.people[i][:18], people[j], aspect) for j in there] for i in shown])
    pairs = zip(*linear_sum_assignment(apart), strict=True) if apart.size else ()
    for row, column in pairs:
        if apart[row, column] < _FARTHEST:
            found[there[column]] = seen.masks[shown[row]]
    for person in there:
        found[person] = found[person] or packed(pose_region(people[person : person + 1], *size))
    return found
