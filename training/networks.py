"""The UNet and its ControlNet, built by ComfyUI's own code so that its stock loaders know them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

CHANNELS = 320
# ComfyUI recognises SD 1.5 by 320 channels and a context of 768; depth is free. Here: two levels of one block, without
# attention in the upper encoder.
_SHAPE: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "model_channels": CHANNELS,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 1],
    "transformer_depth": [0, 1],
    "transformer_depth_output": [1, 1, 0, 1],
    "transformer_depth_middle": 1,
    "use_linear_in_transformer": False,
    "use_spatial_transformer": True,
    "context_dim": 768,
    "adm_in_channels": None,
    "num_heads": 8,
    "num_head_channels": -1,
    "legacy": False,
}


def build(seed: int) -> tuple[Any, Any]:
    """UNet and ControlNet in float32, freshly initialised."""
    import comfy.ops
    from comfy.cldm.cldm import ControlNet
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    torch.manual_seed(seed)
    common = {"dtype": torch.float32, "operations": comfy.ops.disable_weight_init}
    unet = UNetModel(**_SHAPE, out_channels=4, **common)
    control_net = ControlNet(**_SHAPE, hint_channels=3, **common)
    for net in (unet, control_net):
        for name, parameter in net.named_parameters():
            _initialise(name, parameter)
    _predict_input(unet)
    return unet, control_net


def _initialise(name: str, parameter: Tensor) -> None:
    if parameter.ndim < 2:
        nn.init.constant_(parameter, float(name.endswith("weight")))
        return
    nn.init.normal_(parameter, std=_gain(name) / math.sqrt(math.prod(parameter.shape[1:])))


def _gain(name: str) -> float:
    if "input_hint_block" in name:  # seven SiLUs in a row: keep the signal alive
        return 1.6
    if "out_layers.3" in name or "proj_out" in name:  # residual branches start small (P. Dhariwal, A. Nichol, 2021)
        return 0.05
    if "zero_convs" in name or "middle_block_out" in name:
        return 0.5
    return 0.02 if name == "out.2.weight" else 1.0


@torch.no_grad()
def _predict_input(unet: Any) -> None:
    """Let the untrained UNet answer with its input, which at high noise is nearly the noise it is asked for.

    Eight channels carry the latent and its negative from the first convolution over the last skip connection to the
    output, where SiLU(a) - SiLU(-a) = a.
    """
    signs = torch.tensor((1.0, -1.0)).repeat(4)
    first, last, head = (
        unet.input_blocks[0][0].weight,
        unet.output_blocks[-1][0].skip_connection.weight,
        unet.out[2].weight,
    )
    first[:8] = 0
    last[:8] = 0
    for channel, sign in enumerate(signs):
        first[channel, channel // 2, 1, 1] = sign
        last[channel, CHANNELS + channel] = 1
        head[channel // 2, channel] = 0
        head[channel // 2, channel, 1, 1] = sign


def is_outer(name: str) -> bool:
    """Whether a parameter belongs to a first or last layer."""
    return name.startswith(("out.2.", "input_blocks.0.0.", "input_hint_block.0.", "time_embed."))


def predict(
    unet: Any,
    control_net: Any,
    noisy: Tensor,
    hint: Tensor,
    timesteps: Tensor,
    context: Tensor,
    control: Tensor | None = None,
) -> Tensor:
    """The noise in ``noisy``, as ComfyUI computes it; its own forward adds in place, which autograd forbids.

    Args:
        noisy: latents of variance 1, ``(batch, 4, h, w)``.
        hint: ``(batch, 3, 8h, 8w)``, 0..1.
        timesteps: ``(batch,)``, 0..999.
        context: ``(batch, 77, 768)``.
        control: strength of the ControlNet per row, ``(batch, 1, 1, 1)``; ``None`` is 1.
    """
    from comfy.ldm.modules.diffusionmodules.openaimodel import forward_timestep_embed, timestep_embedding

    time = timestep_embedding(timesteps, CHANNELS).to(noisy.dtype)
    residuals = _residuals(control_net, noisy, hint, time, context)
    if control is not None:
        residuals = [residual * control for residual in residuals]
    embedded = unet.time_embed(time)
    skips, hidden = [], noisy
    for block in unet.input_blocks:
        hidden = block(hidden, embedded, context)
        skips.append(hidden)
    hidden = unet.middle_block(hidden, embedded, context) + residuals.pop()
    for block in unet.output_blocks:
        hidden = torch.cat((hidden, skips.pop() + residuals.pop()), dim=1)
        shape = skips[-1].shape if skips else None
        hidden = forward_timestep_embed(block, hidden, embedded, context, {}, output_shape=shape)
    result: Tensor = unet.out(hidden)
    return result


def _residuals(net: Any, noisy: Tensor, hint: Tensor, time: Tensor, context: Tensor) -> list[Tensor]:
    """What the ControlNet adds to every skip connection, then to the middle."""
    embedded = net.time_embed(time)
    hidden, residuals = noisy, []
    for index, (block, zero_conv) in enumerate(zip(net.input_blocks, net.zero_convs, strict=True)):
        hidden = block(hidden, embedded, context)
        if index == 0:
            hidden = hidden + net.input_hint_block(hint, embedded, context)
        residuals.append(zero_conv(hidden, embedded, context))
    hidden = net.middle_block(hidden, embedded, context)
    return [*residuals, net.middle_block_out(hidden, embedded, context)]
