"""CONDITIONING of video models for a window of a clip.

What follows the clip is cut, each in its own measure; what belongs to all of it stays whole. Both are known by name:
what is not known is refused, since a model would follow the wrong part of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from comfy.utils import repeat_to_batch_size

from ..errors import InputError
from .requests import Request

WHOLE = frozenset(
    {
        "pooled_output",
        "attention_mask",
        "reference_latents",
        "clip_vision_output",
        "clip_vision_output_pose",  # of Animate 2, and its prompt for the motion
        "cross_attn_pose",
        "vace_strength",
        "concat_mask_index",
        "time_dim_concat",  # references that Phantom puts behind the clip
        "guidance",
        "frame_rate",
        "strength",
        "start_percent",
        "end_percent",
    }
)
"""What belongs to all of a clip."""

Cut = Callable[[torch.Tensor], torch.Tensor]


def references_in_front(request: Request) -> int:
    """Latents of reference pictures in front of a clip's own, where WanVaceToVideo and WanAnimateToVideo put them."""
    options = [entry[1] for prompt in (request.positive, request.negative) for entry in prompt]
    for one in options:
        if (pose := one.get("pose_video_latent")) is not None:  # of Animate, which has one in front; SCAIL has none
            return 0 if pose.shape[2] == request.latent["samples"].shape[2] else 1
        if one.get("face_video_pixels") is not None:
            return 1
    return max(map(_vace_references, options), default=0)


def _vace_references(options: Mapping[str, Any]) -> int:
    """Latents in front of which nothing is to be made, and whose second half has no content.

    That is one value per channel, which no encoded picture has everywhere.
    """
    found = 0
    for frames, mask in zip(options.get("vace_frames") or (), options.get("vace_mask") or (), strict=False):
        reactive = frames[:, frames.shape[1] // 2 :]
        flat = (reactive == reactive[..., :1, :1]).all(4).all(3).all(1).all(0)
        is_reference = (flat & (mask == 0).all(4).all(3).all(1).all(0)).tolist()
        found = max(found, is_reference.index(False) if False in is_reference else 0)
    return found


def check_conditioning(name: str, conditioning: Any, length: int, references: int) -> None:
    """Refuse prompts that hold what cannot be cut.

    Args:
        name: of the input.
        length: latents of the clip, with those of references.

    Raises:
        InputError: something is not known, or not as long as the clip.
    """
    for _, options in conditioning:
        for key, value in options.items():
            if value is None or key in WHOLE:
                continue
            if key not in _LENGTHS:
                if _may_follow_the_clip(value):
                    remedy = "Set window to 0."
                    raise InputError(name, key, "prompts for windows without it: it is not known how to cut it", remedy)
                continue
            wanted = _LENGTHS[key](length, references)
            for tensor in value if isinstance(value, list) else [value]:
                found = tensor.shape[2]
                if not wanted - _MAY_LACK.get(key, 0) <= found <= wanted:
                    raise InputError(name, f"{key} of {found}", f"{wanted}, as the latent is long")


def _may_follow_the_clip(value: Any) -> bool:
    """Whether it is anything but a number, a word, or a few of them."""
    if isinstance(value, list | tuple):
        return any(map(_may_follow_the_clip, value))
    return not isinstance(value, bool | int | float | str)


def _frames_of(latents: int) -> int:
    return 4 * (latents - 1) + 1


_LENGTHS: Mapping[str, Callable[[int, int], int]] = {
    "vace_frames": lambda length, _: length,
    "vace_mask": lambda length, _: length,
    "concat_latent_image": lambda length, _: length,
    "concat_mask": lambda length, _: length,
    "camera_conditions": lambda length, _: length,
    "pose_video_latent": lambda length, references: length - references,
    "face_video_pixels": lambda length, references: _frames_of(length - references),
}
"""Along axis 2, of what follows a clip: by its latents, with those of references, and by the number of these."""

_MAY_LACK = {"concat_mask": math.inf, "face_video_pixels": 3}
"""How much of it may be missing at the end: frames that are not given; of faces, those a length was rounded up by."""


def conditioning_of_window(conditioning: Any, span: range, references: int, known: torch.Tensor | None = None) -> Any:
    """Prompts for a window.

    Args:
        conditioning: such that ``check_conditioning``.
        span: latents of the clip, without those of references.
        references: latents of references, which every window has in front.
        known: the window's first latents where the window before has made them. Models that are told by
            ``concat_mask`` or ``vace_mask`` which frames they are given are given these.
    """
    return [[text, _window_of(options, span, references, known)] for text, options in conditioning]


def _window_of(options: dict[str, Any], span: range, references: int, known: torch.Tensor | None) -> dict[str, Any]:
    result = dict(options)
    for key in _LENGTHS.keys() & options.keys():
        value, cut = options[key], _cut_for(key, span, references)
        if value is not None:
            result[key] = [cut(one) for one in value] if isinstance(value, list) else cut(value)
    if known is not None:
        _give_known(result, known, slice(references, references + known.shape[2]))
    return result


def _give_known(options: dict[str, Any], known: torch.Tensor, place: slice) -> None:
    """Tell models that can be told so which frames they are given; ``options`` hold this window's own part.

    Each row of a latent of several has made frames of its own, where all were given the same ones.
    """
    rows, channels = known.shape[:2]
    if options.get("concat_mask") is not None and options.get("concat_latent_image") is not None:
        image = repeat_to_batch_size(options["concat_latent_image"], rows).clone()
        mask = options["concat_mask"].clone()
        # What is given stands in the last channels, behind the control of Fun Control.
        image[:, -channels:, place], mask[:, :, place] = known.to(image), 0
        options["concat_latent_image"], options["concat_mask"] = image, mask
    if options.get("vace_frames") and options.get("vace_mask"):
        pairs = zip(options["vace_frames"], options["vace_mask"], strict=True)
        by_row = [[repeat_to_batch_size(one, rows) for one in pair] for pair in pairs]
        given = [_vace_given(frames, mask, known, place) for frames, mask in by_row]
        options["vace_frames"], options["vace_mask"] = [one for one, _ in given], [mask for _, mask in given]


def _vace_given(
    frames: torch.Tensor, mask: torch.Tensor, known: torch.Tensor, place: slice
) -> tuple[torch.Tensor, torch.Tensor]:
    """VACE is given what stays in the first half of the channels, and in the second one grey.

    Where all was to be made, the first half is that grey. Where something stays, there is none to be had.
    """
    if not (mask[:, :, place] == 1).all():
        return frames, mask
    frames, mask, channels = frames.clone(), mask.clone(), known.shape[1]
    frames[:, channels:, place] = frames[:, :channels, place]
    frames[:, :channels, place], mask[:, :, place] = known.to(frames), 0
    return frames, mask


def _cut_for(key: str, span: range, references: int) -> Cut:
    if key == "pose_video_latent":
        return lambda value: value[:, :, span.start : span.stop]
    if key == "face_video_pixels":  # the window's first latent holds one frame: the last of those that it holds
        frames = torch.arange(4 * span.start, 4 * (span.stop - 1) + 1)
        return lambda value: value[:, :, frames.clamp_max(value.shape[2] - 1)]

    def cut(value: torch.Tensor) -> torch.Tensor:
        missing = references + span.stop - value.shape[2]
        if missing > 0:  # of concat_mask: frames that are not given
            value = torch.cat([value, value.new_ones(*value.shape[:2], missing, *value.shape[3:])], dim=2)
        return torch.cat([value[:, :, :references], value[:, :, references + span.start : references + span.stop]], 2)

    return cut
