"""What ComfyUI's nodes of video models will take: they prepare latents, and encode what guides the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import InputError
from .edit_work import Size
from .facts import (
    Clips,
    Conditioning,
    DeviceWork,
    Forecast,
    Latents,
    Number,
    Vae,
    VisionOutput,
    latent_frames_of,
    pictures_of,
)
from .inputs import Forecaster, Inputs

PREFIX = 2
"""Latent frames of a guide that LTXVAddGuide puts behind the clip."""


def empty_video(every: int, down: int, inputs: Inputs) -> Forecast:
    """LATENT."""
    return Forecast((_latents(inputs, every, down),))


def _latents(inputs: Inputs, every: int = 4, down: int = 8) -> Latents:
    length = _length(inputs, every)
    rows, frames = int(inputs.number("batch_size", 1)), latent_frames_of(length, every)
    return Latents(rows, _size(inputs, down), frames, every, items=_items(inputs))


def _items(inputs: Inputs) -> int:
    """How often the node runs: once for each item of the longest list that it is given."""
    prompts = [inputs.fact(name, Conditioning) for name in ("positive", "negative")]
    clips = [inputs.fact(name, Clips) for name in _CLIPS]
    texts = [prompt.texts.count for prompt in prompts if prompt and prompt.texts]
    return max([1, *texts, *(len(found.clips) for found in clips if found)])


_CLIPS = ("control_video", "pose_video", "face_video", "start_image", "background_video", "continue_motion", "image")


def _size(inputs: Inputs, down: int = 8) -> Size:
    width, height = (int(inputs.number(name, side)) for name, side in (("width", 832), ("height", 480)))
    return width // down * down, height // down * down


def _length(inputs: Inputs, every: int = 4) -> int:
    """Pictures that are asked for; a note where they will be fewer."""
    length = int(inputs.number("length", 81))
    made = pictures_of(latent_frames_of(length, every), every)
    if made != length:
        inputs.notes.append(f"{inputs.title}: {length} frames become {made}; lengths are {every}n + 1.")
    return length


def _encoding(inputs: Inputs, size: Size, *clips: int) -> tuple[DeviceWork, ...]:
    """The VAE's work on clips of so many pictures.

    Raises:
        InputError: it is a VAE of single pictures.
    """
    vae, clips = inputs.fact("vae", Vae), tuple(length for length in clips if length)
    if vae is None or not clips:
        return ()
    if vae.encode_clip is None:
        raise InputError("vae", "a VAE of single pictures", "the VAE of a video model")
    each = [vae.encode_clip(*size, length) for length in clips]
    flops = None if None in each else sum(one for one in each if one is not None)
    return (DeviceWork("encode", "gpu", sum(clips), flops).repeated(_items(inputs)),)


def _frames(inputs: Inputs, name: str, most: int) -> int:
    """Pictures of an input that a node looks at; as many as it may, where nobody knows how many there are."""
    if not inputs.is_wired(name):
        return 0
    found = inputs.fact(name, Clips)
    return min(found.frames, most) if found else most


def _prompts(inputs: Inputs, **guides: Any) -> tuple[Conditioning, Conditioning]:
    """Both prompts, guided by more than before."""
    seen = next((one.tokens for name in _VISION if (one := inputs.fact(name, VisionOutput))), 0)
    if seen:
        guides["vision_tokens"] = seen

    def guided(name: str) -> Conditioning:
        found = inputs.fact(name, Conditioning) or Conditioning()
        return replace(found, guides=replace(found.guides, **guides))

    return guided("positive"), guided("negative")


_VISION = ("clip_vision_output", "clip_vision_start_image", "clip_vision_end_image")


def image_to_video(inputs: Inputs) -> Forecast:
    """Prompts and LATENT: a first picture, and grey for all others, are encoded as one clip."""
    latents, length = _latents(inputs), int(inputs.number("length", 81))
    work = _encoding(inputs, latents.size, length if inputs.is_wired("start_image") else 0)
    return Forecast((*_prompts(inputs), latents), work)


def ends_to_video(inputs: Inputs) -> Forecast:
    """The same, with a last picture too; grey is encoded even without any."""
    latents = _latents(inputs)
    return Forecast((*_prompts(inputs), latents), _encoding(inputs, latents.size, int(inputs.number("length", 81))))


def vace_to_video(inputs: Inputs) -> Forecast:
    """Prompts, LATENT and its frames in front: what the mask keeps and what it does not are encoded, grey or not."""
    latents, length = _latents(inputs), int(inputs.number("length", 81))
    reference = int(inputs.is_wired("reference_image"))
    before = inputs.fact("positive", Conditioning)
    controls = (before.guides.controls or 0) if before else 0
    work = _encoding(inputs, latents.size, length, length, reference)
    latents = replace(latents, frames=(latents.frames or 0) + reference, leading=reference)
    return Forecast((*_prompts(inputs, controls=controls + 1), latents, Number(reference)), work)


def control_to_video(inputs: Inputs) -> Forecast:
    """Prompts and LATENT of Fun 2.1."""
    latents, length = _latents(inputs), int(inputs.number("length", 81))
    clips = (_frames(inputs, name, length) for name in ("start_image", "control_video"))
    return Forecast((*_prompts(inputs), latents), _encoding(inputs, latents.size, *clips))


def control_to_video_22(inputs: Inputs) -> Forecast:
    """Prompts and LATENT of Fun 2.2: a reference is no frame of the latents, but one in the net."""
    vae = inputs.fact("vae", Vae)
    latents, length = _latents(inputs), int(inputs.number("length", 81))
    clips = (_frames(inputs, name, most) for name, most in (("ref_image", 1), ("start_image", length)))
    work = _encoding(inputs, latents.size, *clips, _frames(inputs, "control_video", length)) if vae else ()
    return Forecast((*_prompts(inputs, reference=inputs.is_wired("ref_image")), latents), work)


def animate_to_video(inputs: Inputs) -> Forecast:
    """Prompts, LATENT, its frames in front, pictures of the clip before, and where the next clip begins."""
    latents, length = _latents(inputs), int(inputs.number("length", 77))
    offset = int(inputs.number("video_frame_offset", 0))
    past = _frames(inputs, "continue_motion", int(inputs.number("continue_motion_max_frames", 5)))
    offset = max(offset - past, 0)
    pose = inputs.is_wired("pose_video")
    face = _frames(inputs, "face_video", offset + length)
    work = _encoding(inputs, latents.size, 1, length, length if pose else 0)
    prompts = _prompts(inputs, pose=pose, face_frames=max(face - offset, 0))
    latents = replace(latents, frames=(latents.frames or 0) + 1, leading=1)
    trimmed = Number(pictures_of(latent_frames_of(past)) if past else 0)
    return Forecast((*prompts, latents, Number(1), trimmed, Number(offset + length)), work)


def trim_video(inputs: Inputs) -> Forecast | None:
    """LATENT without its first frames."""
    latents = inputs.fact("samples", Latents)
    if latents is None:
        return None
    if latents.frames is None:
        raise InputError("samples", "the latents of pictures", "the latents of a video")
    trimmed = int(inputs.number("trim_amount", 0))
    shorter = max(latents.frames - trimmed, 0)
    return Forecast((replace(latents, frames=shorter, leading=max(latents.leading - trimmed, 0)),))


def image_to_latents(inputs: Inputs) -> Forecast:
    """LATENT of Wan 2.2 5B, whose first frames are encoded."""
    latents = _latents(inputs, 4, 16)
    return Forecast((latents,), _encoding(inputs, latents.size, _frames(inputs, "start_image", latents.pictures)))


def hunyuan_image_to_video(inputs: Inputs) -> Forecast:
    """Prompts and LATENT of HunyuanVideo 1.5."""
    latents, length = _latents(inputs, 4, 16), int(inputs.number("length", 33))
    return Forecast(
        (*_prompts(inputs), latents), _encoding(inputs, latents.size, _frames(inputs, "start_image", length))
    )


def ltx_image_to_video(inputs: Inputs) -> Forecast:
    """Prompts and LATENT, whose first frames are encoded."""
    latents, length = _latents(inputs, 8, 32), int(inputs.number("length", 97))
    return Forecast((*_prompts(inputs), latents), _encoding(inputs, latents.size, _frames(inputs, "image", length)))


def ltx_add_guide(inputs: Inputs) -> Forecast | None:
    """Prompts and LATENT, behind which the guide's first frames stand."""
    latents = inputs.fact("latent", Latents)
    if latents is None or latents.frames is None:
        return None
    given = _frames(inputs, "image", latents.pictures)
    frames = latent_frames_of(given, latents.every)
    work = _encoding(inputs, latents.size, pictures_of(frames, latents.every))
    added = min(PREFIX, frames)
    longer = replace(latents, frames=latents.frames + added, guiding=latents.guiding + added)
    return Forecast((*_prompts(inputs), longer), work)


def ltx_crop_guides(inputs: Inputs) -> Forecast | None:
    """Prompts and LATENT without what guides have put behind it."""
    latents = inputs.fact("latent", Latents)
    if latents is None or latents.frames is None:
        return None
    return Forecast((*_prompts(inputs), replace(latents, frames=latents.frames - latents.guiding, guiding=0)))


def pass_prompts(inputs: Inputs) -> Forecast:
    """Both prompts, which hold more."""
    return Forecast(_prompts(inputs))


VIDEO: Mapping[str, Forecaster] = {
    "EmptyHunyuanLatentVideo": partial(empty_video, 4, 8),
    "EmptyHunyuanVideo15Latent": partial(empty_video, 4, 16),
    "EmptyLTXVLatentVideo": partial(empty_video, 8, 32),
    "WanImageToVideo": image_to_video,
    "WanCameraImageToVideo": image_to_video,
    "WanFirstLastFrameToVideo": ends_to_video,
    "WanFunInpaintToVideo": ends_to_video,
    "WanVaceToVideo": vace_to_video,
    "WanFunControlToVideo": control_to_video,
    "Wan22FunControlToVideo": control_to_video_22,
    "WanAnimateToVideo": animate_to_video,
    "Wan22ImageToVideoLatent": image_to_latents,
    "TrimVideoLatent": trim_video,
    "HunyuanVideo15ImageToVideo": hunyuan_image_to_video,
    "LTXVImgToVideo": ltx_image_to_video,
    "LTXVAddGuide": ltx_add_guide,
    "LTXVCropGuides": ltx_crop_guides,
    "LTXVConditioning": pass_prompts,
}
"""Forecasters by class."""
