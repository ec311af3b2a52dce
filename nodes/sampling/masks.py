"""Where frames are redrawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import comfy.utils
import torch

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from ..video.stream import FrameStream
from ..video.tensors import to_image
from .conditioning import rows_of

Mask: TypeAlias = torch.Tensor | FrameStream
"""A MASK ``(n, h, w)`` of floats 0..1: one for all, one per frame or one per keyframe; or a stream of grey frames."""


def masks_of_frames(mask: Mask, plan: Keyframes, frames: Sequence[int], size: tuple[int, int]) -> torch.Tensor:
    """The masks of some frames of a clip ``(frames, height, width)``, 0..1.

    Args:
        mask: of the clip; of one mask per keyframe, a frame between them gets that of the nearest.
        plan: of the clip.
        frames: which; ascending.
        size: width and height of the result, in pixels.

    Raises:
        InputError: there are more or fewer masks than frames, and than keyframes.
    """
    count = mask.info.frame_count if isinstance(mask, FrameStream) else len(mask)
    allowed = {plan.frame_count: "one per frame"}
    if not isinstance(mask, FrameStream):
        allowed |= {1: "one for all", len(plan.frames): "one per keyframe"}
    if count not in allowed:
        told = ", ".join(f"{number} ({what})" for number, what in sorted(allowed.items()))
        raise InputError("mask", f"{count}", told, "Take the masks of the same clip, with the same keyframes.")
    if isinstance(mask, FrameStream):
        found = to_image(mask.frames_at(frames)).mean(dim=-1)
    else:
        found = rows_of(mask.float(), plan, frames).expand(len(frames), *mask.shape[1:])
    if not len(frames):
        return found
    planes: torch.Tensor = comfy.utils.common_upscale(found[:, None], *size, "area", "disabled")
    return planes[:, 0].clamp(0, 1)
