"""One motion in differently cropped pictures of the same clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..video.stream import VideoInfo
from .motion import Motion


def reframed(motion: Motion, video: VideoInfo) -> Motion:
    """The motion in the frame of another video of the same file.

    Joints that lie outside the new frame stay where they are, so that the way back loses nothing. Frames are not
    touched: both should have the same frame rate and the same start.

    Args:
        motion: found in a video that Load Video made, whatever its size, fit and crop.
        video: what Load Video makes of the same file with other settings.

    Raises:
        InputError: it is another file, or one of them is not known.
    """
    if not is_same_source(motion, video):
        found = "another file than the motion's" if video.region.source and motion.region.source else "an unknown file"
        raise InputError("video", found, "the file that the motion was found in, from Load Video")
    keypoints = np.array(motion.keypoints)
    here, there = motion.region, video.region
    for axis, (start, size, new_start, new_size) in enumerate(
        ((here.left, here.width, there.left, there.width), (here.top, here.height, there.top, there.height))
    ):
        moved = (start + size * keypoints[..., axis] - new_start) / new_size
        keypoints[..., axis] = np.where(keypoints[..., 2] > 0, moved, 0)
    return replace(motion, keypoints=keypoints, width=video.width, height=video.height, region=there)


def is_same_source(motion: Motion, video: VideoInfo) -> bool:
    """Whether both are known to come from one file."""
    return motion.region.source != "" and motion.region.source == video.region.source
