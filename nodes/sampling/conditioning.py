"""CONDITIONING and hints of the frames in a batch: of several clips in one, or what one clip holds per frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy as shallow_copy
from itertools import pairwise
from numbers import Number
from typing import Any

import torch

from ..errors import InputError
from ..keyframes.keyframes import Keyframes
from .keyframe_control import KeyframeControl, rearranged
from .layout import Layout

_BY_ROW = frozenset(
    {
        "pooled_output",
        "attention_mask",
        "reference_latents",
        "concat_latent_image",
        "concat_mask",
        "clip_vision_output",
        "clip_vision_output_pose",
        "cross_attn_pose",
        "vace_frames",
        "vace_mask",
        "pose_video_latent",
        "face_video_pixels",
        "keyframe_idxs",
        "time_dim_concat",
        "camera_conditions",
        "audio_embed",
        "reference_motion",
        "control_video",
    }
)
"""What may differ from prompt to prompt, since ComfyUI hands the model a row of it for every row of the batch: tensors,
lists of them, and what CLIP saw in a picture. Everything else must be the same for all; ``vace_strength``, for one, is
a single number for a batch."""

_LONGEST_REPEAT = 4  # as in ComfyUI: text is repeated at most this often to make lengths agree


def can_stack(conditionings: Sequence[Any], repeats_text: bool = True, rows: Sequence[int] | None = None) -> bool:
    """Whether prompts differ in nothing but what has a row for each of them, so that one batch can hold them.

    Args:
        conditionings: one per clip.
        repeats_text: whether the model does not notice that a text is repeated; else all must be of one length.
        rows: of each clip in the batch, where a prompt may hold a row for each of them; without it, prompts that hold
            several rows share no batch.
    """
    longest = _LONGEST_REPEAT if repeats_text else 1
    counts = rows or [1] * len(conditionings)
    return (
        all(_alike(a, b) for a, b in pairwise(conditionings))
        and all(_fits_rows(conditioning, count) for conditioning, count in zip(conditionings, counts, strict=True))
        and all(
            _common_length([conditioning[entry][0] for conditioning in conditionings], longest) is not None
            for entry in range(len(conditionings[0]))
        )
    )


def stack(conditionings: Sequence[Any], rows: Sequence[int]) -> Any:
    """One CONDITIONING whose embeddings, and what else differs, have a row for every row of the batch.

    Text of different lengths is repeated to their least common multiple, which attention does not notice.

    Args:
        conditionings: one per clip, such that ``can_stack``.
        rows: frames of each clip in the batch.
    """
    if len(conditionings) == 1:
        return conditionings[0]
    stacked = []
    for entries in zip(*conditionings, strict=True):
        texts = [text for text, _ in entries]
        length = _common_length(texts)
        assert length is not None
        text = torch.cat([_of_rows(t.repeat(1, length // t.shape[1], 1), n) for t, n in zip(texts, rows, strict=True)])
        options = dict(entries[0][1])
        for name in _BY_ROW:
            if options.get(name) is not None:
                options[name] = _stacked([entry[1][name] for entry in entries], rows)
        stacked.append([text, options])
    return stacked


def _stacked(values: Sequence[Any], rows: Sequence[int]) -> Any:
    """Tensors in one of all rows; lists of tensors item by item."""
    if isinstance(values[0], torch.Tensor):
        return torch.cat([_of_rows(value, count) for value, count in zip(values, rows, strict=True)])
    if _is_seen(values[0]):
        both = shallow_copy(values[0])
        for name, value in vars(values[0]).items():
            if isinstance(value, torch.Tensor):
                setattr(both, name, _stacked([getattr(one, name) for one in values], rows))
        return both
    return [_stacked(items, rows) for items in zip(*values, strict=True)]


def _of_rows(value: torch.Tensor, rows: int) -> torch.Tensor:
    return value.expand(rows, *value.shape[1:]) if len(value) == 1 else value[:rows]


def _common_length(texts: Sequence[torch.Tensor], longest_repeat: int = _LONGEST_REPEAT) -> int | None:
    lengths = [text.shape[1] for text in texts]
    common = math.lcm(*lengths)
    return common if common // min(lengths) <= longest_repeat else None


def _alike(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(
        a[0].shape[2:] == b[0].shape[2:] and a[0].dtype == b[0].dtype and _same_options(a[1], b[1])
        for a, b in zip(one, other, strict=True)
    )


def _same_options(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        (_same_form if name in _BY_ROW else _equal)(one[name], other[name]) for name in one
    )


def _same_form(one: Any, other: Any) -> bool:
    """Whether both can be rows of one tensor, or of the tensors of one list."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape[1:] == other.shape[1:] and one.dtype == other.dtype and one.device == other.device
    if _is_list(one) and _is_list(other):
        return len(one) == len(other) and all(_same_form(a, b) for a, b in zip(one, other, strict=True))
    if _is_seen(one) and _is_seen(other):
        mine, others = vars(one), vars(other)
        return mine.keys() == others.keys() and all(_same_form(mine[name], others[name]) for name in mine)
    return one is None and other is None


def _fits_rows(conditioning: Any, rows: int) -> bool:
    """Whether a prompt holds nothing that belongs to one clip's frames, such as the hints of a control.

    Of what may differ it holds one row, or one for each of ``rows``; of all else it holds one.
    """
    for text, options in conditioning:
        if options.get("control") is not None or len(text) not in (1, rows):
            return False
        for name, value in options.items():
            allowed = (1, rows) if name in _BY_ROW else (1,)
            if any(_has_rows(name, tensor) and len(tensor) not in allowed for tensor in _tensors_of(value)):
                return False
    return True


def _tensors_of(value: Any) -> Sequence[Any]:
    if _is_list(value):
        return list(value)
    return list(vars(value).values()) if _is_seen(value) else [value]


def _is_seen(value: Any) -> bool:
    """Whether it is what CLIP saw in a picture: an object with tensors of it."""
    return hasattr(value, "penultimate_hidden_states")


def _is_list(value: Any) -> bool:
    """Whether it is what nodes append to, such as ``reference_latents``: a list of tensors."""
    return isinstance(value, list) and all(isinstance(item, torch.Tensor) for item in value)


def _has_rows(name: str, value: Any) -> bool:
    """Whether its first axis is the batch; a mask may be a single picture."""
    return isinstance(value, torch.Tensor) and value.ndim > (2 if name == "mask" else 1)


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same through and through; what cannot be compared is not."""
    if one is other:
        return True
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    comparable = type(one) is type(other) or (isinstance(one, Number) and isinstance(other, Number))
    return comparable and isinstance(one, Hashable) and bool(one == other)


def of_frames(conditionings: Sequence[Any], plan: Keyframes, frames: Sequence[int]) -> list[Any]:
    """One clip's prompts for some of its frames.

    Text, masks and whatever else has a row per frame of the clip, or one per keyframe (of a list of tensors each by
    itself), is cut to a row for each of ``frames``; one that has a row per keyframe gives a frame between them that of
    the nearest. So are the hints of controls that were applied to the prompts before.
    """
    controls: dict[Any, Any] = {}  # one that two prompts share stays one, so that they stay in one batch

    def pick(value: torch.Tensor) -> torch.Tensor:
        return rows_of(value, plan, frames)

    def pick_rows(name: str, value: Any) -> Any:
        if _is_list(value):
            return [pick_rows(name, item) for item in value]
        return pick(value) if _has_rows(name, value) else value

    def cut_control(control: Any) -> Any:
        if control is not None and control not in controls:
            previous = cut_control(control.previous_controlnet)
            controls[control] = _control_of(control, plan, frames).set_previous_controlnet(previous)
        return controls.get(control)

    def cut(options: dict[str, Any]) -> dict[str, Any]:
        result = {name: pick_rows(name, value) for name, value in options.items()}
        if options.get("control") is not None:
            result["control"] = cut_control(options["control"])
        return result

    return [[[pick(text), cut(options)] for text, options in conditioning] for conditioning in conditionings]


def rows_of(value: torch.Tensor, plan: Keyframes, frames: Sequence[int]) -> torch.Tensor:
    """Rows for some frames: those of one that has a row per frame, or per keyframe; any other is returned as it is."""
    if len(value) == 1:
        return value
    if len(value) == plan.frame_count:
        return value[list(frames)]
    return value[[_nearest(plan, frame) for frame in frames]] if len(value) == len(plan.frames) else value


def _nearest(plan: Keyframes, frame: int) -> int:
    """The number of the keyframe of the same shot that is nearest."""
    bracket = plan.bracket(frame)
    return bracket.right if bracket.weight > 0.5 else bracket.left


def _control_of(control: Any, plan: Keyframes, frames: Sequence[int]) -> Any:
    """A copy of a control for these frames; a keyframed one (see ``check_controls``) gets their layout."""
    copy = control.copy()
    if not isinstance(copy, KeyframeControl):
        return _with_hints(copy, lambda value: rows_of(value, plan, frames))
    kept = [number for number, frame in enumerate(plan.frames) if frame in set(frames)]
    _with_hints(copy.inner, lambda value: value[kept] if len(value) > 1 else value)
    if len(kept) == len(frames):
        return rearranged(copy, Layout.of(Keyframes.all_frames(len(frames), plan.frame_rate)))
    return rearranged(copy, Layout.of(plan, frames))


def _with_hints(control: Any, pick: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if control.cond_hint_original is not None:
        control.cond_hint_original = pick(control.cond_hint_original)
    control.extra_concat_orig = [pick(mask) for mask in control.extra_concat_orig]
    return control


def without_control(conditioning: Any) -> Any:
    """The prompts without the ControlNets that were applied to them."""
    apply = ("control", "control_apply_to_uncond")
    return [
        [text, {name: value for name, value in options.items() if name not in apply}] for text, options in conditioning
    ]


def has_picture(conditioning: Any) -> bool:
    """Whether an inpaint model is told what to paint into, as ComfyUI's InpaintModelConditioning does."""
    return any("concat_latent_image" in options for _, options in conditioning)


def control_hints(images: torch.Tensor, keyframes: Keyframes) -> torch.Tensor:
    """The hints of the keyframes ``(keyframes, h, w, 3)``, from one per keyframe or one per frame.

    Raises:
        InputError: the number of images is neither.
    """
    count, wanted = images.shape[0], len(keyframes.frames)
    if count == wanted:
        return images
    if count == keyframes.frame_count:
        return images[list(keyframes.frames)]
    per_keyframe = f"{wanted} (one per keyframe) or " if wanted < keyframes.frame_count else ""
    allowed = f"{per_keyframe}{keyframes.frame_count} (one per frame)"
    raise InputError("control_images", str(count), allowed, "Draw the pose of the same clip, with the same keyframes.")


def check_controls(name: str, conditioning: Any, plan: Keyframes) -> None:
    """Refuse keyframed controls of another plan: batches that end at this plan's keyframes may lack theirs.

    Raises:
        InputError: names the prompt.
    """
    for _, options in conditioning:
        control = options.get("control")
        while control is not None:
            if isinstance(control, KeyframeControl) and control.layout != Layout.of(plan):
                remedy = "Connect the same plan to both, or apply that ControlNet without Keyframe ControlNet."
                raise InputError(name, "a Keyframe ControlNet with other keyframes", "those of the sampler", remedy)
            control = control.previous_controlnet
