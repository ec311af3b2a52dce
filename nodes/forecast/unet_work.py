"""The work of nets of the UNet family: Stable Diffusion, and the ControlNets beside it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import comfy.model_detection
import comfy.ops
import torch
from comfy.cldm.cldm import ControlNet
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..flops import flops_of
from .edit_work import Work
from .meta_nets import countable, remembered, unknown, zeros
from .model_files import FileVersion, half_bytes, shapes

TOKENS = 77
"""Of a prompt that CLIP takes in one piece."""


def unet_flops(net: Any, config: dict[str, Any], width: int, height: int, looks: int = 0) -> float | None:
    """FLOPs of one row through a UNet on the meta device; ``None`` for other kinds of nets.

    Args:
        net: the UNet.
        config: ComfyUI's ``unet_config``.
        width, height: of the picture, in pixels.
        looks: at how many pictures beside its own it looks in self-attention.
    """
    if not isinstance(net, UNetModel):
        return None
    x, time, context, label = _inputs(config, width, height)

    def looking(n: Any, keys: Any, values: Any, _: Any) -> tuple[Any, Any, Any]:
        return n, torch.cat([keys] * (1 + looks), dim=1), torch.cat([values] * (1 + looks), dim=1)

    options = {"patches": {"attn1_patch": [looking]}} if looks else {}
    return flops_of(net, lambda net: countable(net)(x, time, context=context, y=label, transformer_options=options))


def look_flops(net: Any, config: dict[str, Any], width: int, height: int) -> float | None:
    """FLOPs that a row takes more for each picture that it looks at: attention grows with its keys, and no faster."""
    alone, looking = (unet_flops(net, config, width, height, looks) for looks in (0, 1))
    return None if alone is None or looking is None else looking - alone


def control_flops(net: Any, config: dict[str, Any], width: int, height: int) -> float | None:
    """The same of a ControlNet of the UNet family."""
    x, time, context, label = _inputs(config, width, height)
    hint = zeros(1, 3, x.shape[2] * 8, x.shape[3] * 8)
    return flops_of(net, lambda net: countable(net)(x, hint, time, context, y=label))


def hint_flops(net: Any, width: int, height: int) -> float | None:
    """Those of its FLOPs that a ControlNet of the UNet family spends on the picture that guides it."""
    rows, columns = (max(side // 8, 1) * 8 for side in (height, width))
    hint = zeros(1, 3, rows, columns)
    return flops_of(net, lambda net: countable(net).input_hint_block(hint, None, None))


def _inputs(config: dict[str, Any], width: int, height: int) -> tuple[Any, Any, Any, Any]:
    label = config.get("adm_in_channels")
    x = zeros(1, config.get("in_channels", 4), max(height // 8, 1), max(width // 8, 1))
    return x, zeros(1), zeros(1, TOKENS, config["context_dim"]), zeros(1, label) if label else None


def row_memory(factor: float, width: int, height: int, down: int = 8) -> float:
    """Bytes that a frame takes while it is sampled with both prompts: ComfyUI's rule for flash attention and fp16.

    Args:
        factor: ComfyUI's ``memory_usage_factor`` of the model.
        width, height: of the picture, in pixels.
        down: pixels along the side of a latent pixel.
    """
    return 2 * (width // down) * (height // down) * torch.float16.itemsize * 0.01 * factor * 2**20


def control_work(path: Path) -> tuple[Work, float]:
    """FLOPs of a row of a ControlNet, and bytes of its weights in half precision.

    Raises:
        InputError: the file cannot be read.
    """
    return _control_work(FileVersion.of(path))[:2]


def hint_work(path: Path) -> Work:
    """Those of its FLOPs that a ControlNet spends on the picture that guides it.

    Raises:
        InputError: the file cannot be read.
    """
    return _control_work(FileVersion.of(path))[2]


@lru_cache(maxsize=8)
def _control_work(file: FileVersion) -> tuple[Work, float, Work]:
    found = shapes(file.path)
    if "controlnet_cond_embedding.conv_in.weight" in found:  # as diffusers writes it
        config = comfy.model_detection.unet_config_from_diffusers_unet(found)
        hint = found["controlnet_cond_embedding.conv_in.weight"]
    else:
        prefix = "control_model." if "control_model.zero_convs.0.0.weight" in found else ""
        if f"{prefix}zero_convs.0.0.weight" not in found:  # of another family than the UNet's
            return unknown, float(sum(value.numel() for value in found.values()) * 2), unknown
        config = comfy.model_detection.model_config_from_unet(found, prefix, True).unet_config
        hint = found[f"{prefix}input_hint_block.0.weight"]
    config = {name: value for name, value in config.items() if name not in ("out_channels", "dtype", "device")}
    net = ControlNet(
        **config,
        hint_channels=hint.shape[1],
        dtype=torch.float16,
        device="meta",
        operations=comfy.ops.disable_weight_init,
    )
    work = remembered(lambda width, height: control_flops(net, config, width, height))
    return work, half_bytes(net), remembered(lambda width, height: hint_flops(net, width, height))
