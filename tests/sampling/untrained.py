"""A small untrained Stable Diffusion 1.5 and its openpose ControlNet, made in memory by ComfyUI's own code.

Random weights from fixed seeds: the pictures mean nothing, but every stage of the sampling path is real, and its layout
is one that diffusers can build too. The text encoder, that of the demo model, gives distinct embeddings to prompts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from frugal_motion.training import text

Weights = dict[str, Tensor]

# ComfyUI recognises SD 1.5 by 320 channels and a context of 768; depth is free. 18.7 M parameters.
UNET: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [1],
    "channel_mult": [1],
    "transformer_depth": [1],
    "transformer_depth_output": [1, 1],
    "transformer_depth_middle": -2,  # no middle block
    "use_linear_in_transformer": False,
    "use_spatial_transformer": True,
    "context_dim": 768,
    "adm_in_channels": None,
    "num_heads": 8,
    "num_head_channels": -1,
    "legacy": False,
}


def randomised(net: nn.Module, seed: int, gain: Callable[[str], float] = lambda name: 1.0) -> Weights:
    """Half precision weights for ``net``: norms 1, biases 0, the rest normal with variance gain² / fan-in."""
    generator = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for name, value in sorted(net.state_dict().items()):
        if value.ndim == 0:
            weights[name] = value.half()
        elif value.ndim == 1:
            weights[name] = torch.full(value.shape, float(name.endswith(("weight", "scale"))), dtype=torch.half)
        else:
            deviation = gain(name) / math.sqrt(math.prod(value.shape[1:]))
            weights[name] = (torch.randn(value.shape, generator=generator) * deviation).half()
    return weights


def unet() -> Weights:
    """The UNet. Its last layer is damped, so that what it predicts is about as large as noise."""
    import comfy.ops
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    net = UNetModel(**UNET, out_channels=4, device="cpu", dtype=torch.float32, operations=comfy.ops.disable_weight_init)
    return randomised(net, 1, lambda name: 0.3 if name == "out.2.weight" else 1.0)


def control_net() -> Weights:
    """The ControlNet. Its hint encoder is amplified, else the hint dies away in seven SiLUs."""
    import comfy.ops
    from comfy.cldm.cldm import ControlNet

    net = ControlNet(
        **UNET, hint_channels=3, device="cpu", dtype=torch.float32, operations=comfy.ops.disable_weight_init
    )
    return randomised(net, 2, _control_gain)


def _control_gain(name: str) -> float:
    if name.startswith("input_hint_block."):
        return 2.2
    return 0.3 if name.startswith(("zero_convs.", "middle_block_out.")) else 1.0


def vae() -> Weights:
    """TAESD, the small autoencoder, told the scale of SD 1.5's latents. Its gain keeps most pixels within 0..1."""
    from comfy.taesd.taesd import TAESD

    return randomised(TAESD(), 7, lambda name: 0.8) | {"vae_scale": torch.tensor(0.18215).half()}


def checkpoint() -> Weights:
    """UNet, autoencoder and text encoder under the names of an SD 1.5 checkpoint."""
    parts = {"model.diffusion_model.": unet(), "first_stage_model.": vae(), "cond_stage_model.": text.weights()}
    return {prefix + name: value for prefix, part in parts.items() for name, value in part.items()}
