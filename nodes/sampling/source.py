"""The clip that is redrawn: its frames at the size that is sampled."""

from __future__ import annotations

from collections.abc import Sequence

import comfy.utils
import torch

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from ..video.stream import FrameStream
from ..video.tensors import to_image


def check_source(video: FrameStream | None, keyframes: Keyframes, name: str, found: str, allowed: str) -> FrameStream:
    """The clip that an input needs.

    Args:
        video: the clip, if there is one.
        keyframes: its plan.
        name, found, allowed: of the input that needs it: its value, and the one that needs none.

    Raises:
        InputError: it is missing, or has another number of frames.
    """
    if video is None:
        raise InputError(name, f"{found} without a source video", allowed, "Connect source_video to keep some of it.")
    if video.info.frame_count != keyframes.frame_count:
        allowed = f"{keyframes.frame_count}, as the keyframes were planned for"
        remedy = "A clip cannot be redrawn with a motion whose time was edited."
        raise InputError("source_video", f"{video.info.frame_count} frames", allowed, remedy)
    return video


def pictures_of(video: FrameStream, frames: Sequence[int], size: tuple[int, int]) -> torch.Tensor:
    """Some frames, ascending, at a width and height in pixels: IMAGE ``(frames, height, width, 3)``."""
    images = to_image(video.frames_at(frames)).movedim(-1, 1)
    fitted: torch.Tensor = comfy.utils.common_upscale(images, *size, "area", "disabled")
    return fitted.movedim(1, -1)
