"""Pictures of a whole motion, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from ..motion.framing import is_same_source, reframed
from ..motion.motion import Motion
from ..opencv import cv2
from ..video.stream import FrameStream, VideoInfo
from .draw import Picture, Style, draw_pose, overlay_pose


def render_motion(
    motion: Motion,
    size: tuple[int, int],
    keyframes: Keyframes | None = None,
    clip: FrameStream | None = None,
    limb_width: float = 1.0,
    style: Style = "openpose",
) -> Iterator[Picture]:
    """Draw a motion's frames.

    Args:
        motion: what to draw.
        size: width and height of the pictures.
        keyframes: draw these frames only.
        clip: draw over its frames instead of on black; it is read once, a chunk at a time. It may show another part
            of the file that the motion was found in: the drawing follows it.
        limb_width, style: see ``draw_pose``.

    Yields:
        RGB ``(height, width, 3)``, in order.

    Raises:
        InputError: ``keyframes`` or ``clip`` has another number of frames than ``motion``.
    """
    _check_count("keyframes", keyframes.frame_count if keyframes else motion.frame_count, motion)
    _check_count("video", clip.info.frame_count if clip else motion.frame_count, motion)
    if clip is not None and is_same_source(motion, clip.info):
        motion = reframed(motion, clip.info)
    frames = keyframes.frames if keyframes else range(motion.frame_count)
    if clip is None:
        return (draw_pose(motion.keypoints[index], *size, limb_width, style) for index in frames)
    pictures = zip(frames, _select(clip, frames), strict=True)
    return (
        overlay_pose(motion.keypoints[index], _fit(picture, size), limb_width, style=style)
        for index, picture in pictures
    )


def resolve_size(like: Motion | VideoInfo, width: int, height: int) -> tuple[int, int]:
    """Width and height of a drawing: 0 for both is that of the frame, 0 for one keeps its proportions."""
    return proportional_size((like.width, like.height), width, height)


def proportional_size(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The same for a frame of some width and height.

    Raises:
        InputError: one of the two is negative.
    """
    if width < 0 or height < 0:
        raise InputError("width, height", f"{width}, {height}", "0 or more")
    if width == 0 and height == 0:
        return size
    return width or max(1, round(height * size[0] / size[1])), height or max(1, round(width * size[1] / size[0]))


def _check_count(name: str, count: int, motion: Motion) -> None:
    if count != motion.frame_count:
        found = f"{count} frames, but the motion has {motion.frame_count}"
        raise InputError(name, found, "the same clip at the same frame rate as the motion")


def _select(clip: FrameStream, frames: Sequence[int]) -> Iterator[Picture]:
    wanted = set(frames)
    everything = (frame for chunk in clip.chunks() for frame in chunk)
    return (frame for index, frame in enumerate(everything) if index in wanted)


def _fit(picture: Picture, size: tuple[int, int]) -> Picture:
    height, width, _ = picture.shape
    if (width, height) == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
