"""The work of nets that make videos: Wan with what is built on it, LTX, Hunyuan.

A family is an entry of ``FAMILIES``, by the name of ComfyUI's class, so that one which the running ComfyUI has not yet
is no error.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from comfy.model_base import BaseModel

from ..flops import flops_of
from .facts import Guides, VideoNet
from .meta_nets import countable, plain_attention, remembered, zeros
from .unet_work import row_memory

FACES = 8
"""Frames of a face video that Animate looks at in one go."""

FACE = 512
"""Pixels along the side of a face video."""

Conditions: TypeAlias = Callable[[Any, torch.Tensor, Guides], dict[str, Any]]
"""From a net, its latents ``[1, channels, frames, height, width]`` and what guides it to its other inputs."""


@dataclass(frozen=True)
class Family:
    """How a class of nets is run.

    Attributes:
        context: tokens of a prompt, as ComfyUI pads them, and their width.
        conditions: inputs beside latents, time and prompt.
        takes: names of ``Guides`` that change what it does.
        stacks: its lists of equal blocks; with how many of them repeat.
        every: pictures that a latent frame after the first stands for.
        frame_rate: at which it was trained.
    """

    context: Callable[[Any], tuple[int, int]]
    conditions: Conditions
    takes: frozenset[str] = frozenset()
    stacks: Mapping[str, Callable[[Any], int]] = field(default_factory=dict)
    every: int = 4
    frame_rate: int = 16


def _one(_: Any) -> int:
    return 1


def _wan(net: Any, x: torch.Tensor, guides: Guides) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if guides.vision_tokens and net.img_emb is not None:
        found["clip_fea"] = zeros(1, guides.vision_tokens, 1280)
    if guides.reference and net.ref_conv is not None:
        found["reference_latent"] = zeros(1, net.ref_conv.weight.shape[1], *x.shape[3:])
    return found


def _vace(net: Any, x: torch.Tensor, guides: Guides) -> dict[str, Any]:
    controls = 1 if guides.controls is None else guides.controls
    context = zeros(1, max(controls, 1), net.vace_patch_embedding.weight.shape[1], *x.shape[2:])
    if not controls:
        net.vace_layers_mapping = {}
    return {**_wan(net, x, guides), "vace_context": context, "vace_strength": [1.0] * max(controls, 1)}


def _between_vace_blocks(net: Any) -> int:
    return int(net.num_layers // net.vace_layers)


def _animate(net: Any, x: torch.Tensor, guides: Guides) -> dict[str, Any]:
    _, _, frames, height, width = x.shape
    found = _wan(net, x, guides)
    if guides.pose:
        found["pose_latents"] = zeros(1, net.pose_patch_embedding.weight.shape[1], max(frames - 1, 1), height, width)
    if guides.face_frames:
        found["face_pixel_values"] = zeros(1, 3, guides.face_frames, FACE, FACE)
    return found


def _between_face_blocks(net: Any) -> int:
    return int(net.num_layers // len(net.face_adapter.fuser_blocks))


def _ltxv(_: Any, x: torch.Tensor, guides: Guides) -> dict[str, Any]:
    return {"attention_mask": None}


def _hunyuan(net: Any, x: torch.Tensor, guides: Guides) -> dict[str, Any]:
    found: dict[str, Any] = {"guidance": zeros(1)} if net.params.guidance_embed else {}
    if net.vector_in is not None:
        found["y"] = zeros(1, net.params.vec_in_dim)
    if guides.vision_tokens and net.vision_in is not None:
        found["clip_fea"] = zeros(1, guides.vision_tokens, net.vision_in_dim)
    return {**found, "disable_time_r": True}


def _of_wan(net: Any) -> tuple[int, int]:
    return net.text_len, net.text_dim


_WAN = Family(_of_wan, _wan, frozenset(("reference", "vision_tokens")), {"blocks": _one})

FAMILIES: Mapping[str, Family] = {
    "WanModel": _WAN,
    "CameraWanModel": _WAN,
    "VaceWanModel": Family(_of_wan, _vace, frozenset(("controls", "vision_tokens")), {"blocks": _between_vace_blocks}),
    "AnimateWanModel": Family(
        _of_wan,
        _animate,
        frozenset(("pose", "face_frames", "vision_tokens")),
        {"blocks": _between_face_blocks},
        frame_rate=30,
    ),
    "LTXVModel": Family(
        lambda net: (128, net.caption_projection.linear_1.weight.shape[1]),
        _ltxv,
        stacks={"transformer_blocks": _one},
        every=8,
        frame_rate=25,
    ),
    "HunyuanVideo": Family(
        lambda net: (256, net.params.context_in_dim),
        _hunyuan,
        frozenset(("vision_tokens",)),
        {"double_blocks": _one, "single_blocks": _one},
        frame_rate=24,
    ),
}
"""By the name of the net's class."""

_DOWN = {"Wan22": 16, "HunyuanVideo15": 16, "LTXV": 32}
"""Pixels along the side of a latent pixel, by ComfyUI's latent format; 8 for the others."""
_RATES = {"Wan22": 24}


def video_net(model: BaseModel) -> VideoNet | None:
    """The net of a model, as a workflow's forecast knows it; ``None`` if it is none of ``FAMILIES``."""
    net, latent_format = model.diffusion_model, type(model.latent_format).__name__
    family = FAMILIES.get(type(net).__name__)
    if family is None or model.latent_format.latent_dimensions != 3:
        return None
    down, factor = _DOWN.get(latent_format, 8), model.memory_usage_factor

    @remembered
    def flops(width: int, height: int, frames: int, guides: Guides) -> float | None:
        return pass_flops(net, (width // down, height // down), frames, guides)

    def memory(width: int, height: int, frames: int, guides: Guides) -> float:
        return frames * row_memory(factor, width, height, down)

    rate = _RATES.get(latent_format, family.frame_rate)
    return VideoNet(flops, memory, family.every, rate, family.takes)


def pass_flops(net: Any, latent_size: tuple[int, int], frames: int, guides: Guides) -> float | None:
    """FLOPs of one pass of a net on the meta device for one row and prompt.

    Of equal blocks one and two are counted, and the difference multiplied.

    Args:
        net: of a class in ``FAMILIES``.
        latent_size: width and height, in latent pixels.
        frames: latent frames, with those of a reference in front.
        guides: what beside text guides it.
    """
    family = FAMILIES[type(net).__name__]
    if guides.face_frames > FACES:
        each = _face_flops(net)
        some = pass_flops(net, latent_size, frames, replace(guides, face_frames=FACES))
        return None if each is None or some is None else some + (guides.face_frames - FACES) * each
    least = _counted(_cut(net, family, {}), family, latent_size, frames, guides)
    total = least
    for stack, period in family.stacks.items():
        repeats = len(getattr(net, stack)) // period(net) - 1
        if total is None or least is None or repeats <= 0:
            continue
        more = _counted(_cut(net, family, {stack: 2}), family, latent_size, frames, guides)
        total = None if more is None else total + repeats * (more - least)
    return total


@lru_cache(maxsize=4)
def _face_flops(net: Any) -> float | None:
    """FLOPs of a frame of the face video: it is looked at by itself, ``FACES`` at a time."""
    few, more = (
        whole_pass_flops(_cut(net, FAMILIES[type(net).__name__], {}), (2, 2), 1, Guides(face_frames=count))
        for count in (FACES, 2 * FACES)
    )
    return None if few is None or more is None else (more - few) / FACES


def whole_pass_flops(net: Any, latent_size: tuple[int, int], frames: int, guides: Guides) -> float | None:
    """The same, counted from the first block to the last: some seconds for the largest nets."""
    return _counted(net, FAMILIES[type(net).__name__], latent_size, frames, guides)


def _counted(net: Any, family: Family, latent_size: tuple[int, int], frames: int, guides: Guides) -> float | None:
    width, height = latent_size
    x = zeros(1, _channels(net), frames, height, width)

    def run(net: Any) -> None:
        context = zeros(1, *family.context(net))
        options = plain_attention()
        conditions = family.conditions(net, x, guides)
        countable(net)(x, zeros(1), context, transformer_options=options, **conditions)

    return flops_of(net, run)


def _channels(net: Any) -> int:
    for name in ("patch_embedding", "patchify_proj"):
        layer = getattr(net, name, None)
        if layer is not None:
            return int(layer.weight.shape[1])
    return int(net.in_channels)


def _cut(net: Any, family: Family, repeats: Mapping[str, int]) -> Any:
    """The net with one repetition of each of its stacks of blocks, or as many as are said.

    Those that do not repeat evenly are left whole.
    """
    found = copy.copy(net)
    found._modules = dict(net._modules)
    for stack, period_of in family.stacks.items():
        blocks, period = getattr(net, stack), period_of(net)
        if len(blocks) % period == 0:
            setattr(found, stack, blocks[: period * repeats.get(stack, 1)])
    return found
