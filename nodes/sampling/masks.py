"""Where frames are redrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import comfy.utils
import torch

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from ..video.geometry import is_same_shape
from ..video.stream import FrameStream
from ..video.tensors import to_image
from .conditioning import rows_of

Mask: TypeAlias = torch.Tensor | FrameStream
"""A MASK ``(n, h, w)`` of floats 0..1: one for all, one per frame or one per keyframe; or a stream of grey frames."""


@dataclass(frozen=True, eq=False)
class Place:
    """What of some frames of a clip is redrawn, and what stays.

    Attributes:
        frames: their numbers, ascending.
        pictures: of the source, IMAGE ``(frames, h, w, 3)`` in 0..1.
        masks: 0..1 ``(frames, h, w)``, 1 where it is redrawn.
    """

    frames: tuple[int, ...]
    pictures: torch.Tensor
    masks: torch.Tensor

    @cached_property
    def redrawn(self) -> tuple[int, ...]:
        """Numbers of the frames that have something under their mask; the others stay as they are."""
        return tuple(frame for frame, mask in zip(self.frames, self.masks, strict=True) if mask.any())

    def of(self, frames: Sequence[int]) -> Place:
        """The same of fewer frames."""
        rows = {frame: row for row, frame in enumerate(self.frames)}
        chosen = [rows[frame] for frame in frames]
        return Place(tuple(frames), self.pictures[chosen], self.masks[chosen])

    def concealed(self) -> torch.Tensor:
        """The pictures for inpaint models: grey where they are redrawn, as ComfyUI's InpaintModelConditioning does."""
        return (self.pictures - 0.5) * (1 - self.masks.round())[..., None] + 0.5

    def under(self, pictures: torch.Tensor) -> torch.Tensor:
        """Other pictures ``(frames, h, w, 3)`` under the masks, and the source's around."""
        return torch.lerp(self.pictures, pictures.to(self.pictures), self.masks[..., None])


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


def check_shape(mask: Mask, width: int, height: int) -> None:
    """Refuse masks of another shape than the clip has; a few pixels are rounding.

    Raises:
        InputError: such as those of a whole clip, for a crop of it.
    """
    if isinstance(mask, FrameStream):
        across, down = mask.info.width, mask.info.height
    else:
        down, across = mask.shape[1:]
    if not is_same_shape((across, down), (width, height)):
        allowed = f"the shape of {width}x{height}, as source_video has, at any size"
        raise InputError("mask", f"{across}x{down}", allowed, "Take the masks of the video that is sampled.")


def outside(hints: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a ControlNet that paints into pictures sees, as ComfyUI's ControlNetInpaintingAliMamaApply makes it.

    Args:
        hints: pictures ``(n, h, w, 3)``.
        masks: 0..1 ``(n, height, width)``, 1 where is redrawn.

    Returns:
        The pictures, black where is redrawn; and ``(n, 1, height, width)``, 1 where they stay.
    """
    stays = 1 - masks[:, None]
    size = hints.shape[2], hints.shape[1]
    shown = comfy.utils.common_upscale(stays, *size, "bilinear", "center").round()
    return hints * shown.movedim(1, -1), stays
