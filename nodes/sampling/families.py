"""Do model, ControlNet, VAE and prompts belong together? Asked before any weight is loaded."""

from __future__ import annotations

from typing import Any

import torch
from comfy.cldm.cldm import ControlNet as UNetControlNet
from comfy.controlnet import T2IAdapter
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.t2i_adapter.adapter import Adapter, Adapter_light

from ..errors import InputError
from .keyframe_control import KeyframeControl


def check_families(model: Any, vae: Any, control_net: Any, positive: Any, negative: Any) -> None:
    """Refuse parts of different model families, which would fail deep inside with a matrix shape.

    Raises:
        InputError: names the part that does not fit the model.
    """
    for name, conditioning in (("positive", positive), ("negative", negative)):
        if not conditioning:
            raise InputError(name, "no prompt", "one or more")
    family = type(model.model.model_config).__name__
    latent = model.model.latent_format
    if latent.latent_dimensions != 2:
        raise InputError("model", f"{family}, whose latents are those of a video", "SD1.5, SDXL, SD3, Flux…")
    if vae.latent_channels != latent.latent_channels:
        found = f"a VAE of {vae.latent_channels} latent channels"
        raise InputError("vae", found, f"{latent.latent_channels} channels, as {family} has")
    width = model.model.model_config.unet_config.get("context_dim")
    if width is None:
        return
    for name, conditioning in (("positive", positive), ("negative", negative)):
        found_width = conditioning[0][0].shape[-1]
        if found_width != width:
            found = f"text embeddings of width {found_width}"
            raise InputError(name, found, f"width {width}, as {family} has", "Use the CLIP of the same checkpoint.")
    _check_control(control_net, model, family, width)


def paints_into_pictures(model: Any) -> bool:
    """Whether a model is given, beside what it samples, a picture and where it is to be redrawn: an inpaint model."""
    channels = model.model.latent_format.latent_channels
    latent = torch.zeros(1, channels, 8, 8)
    given = model.model.concat_cond(noise=latent, concat_latent_image=latent, device=latent.device)
    return given is not None and given.shape[1] > channels


def _check_control(control_net: Any, model: Any, family: str, width: int) -> None:
    control_net = control_net.inner if isinstance(control_net, KeyframeControl) else control_net
    remedy = f"Load a ControlNet made for {family}."
    if isinstance(control_net, T2IAdapter) and isinstance(model.model.diffusion_model, UNetModel):
        _check_adapter(control_net.t2i_model, model.model.model_config.unet_config, family)
    net = getattr(control_net, "control_model", None)
    if net is None:  # T2I-Adapter, ControlLoRA: without attention, or built from the model itself
        return
    if isinstance(model.model.diffusion_model, UNetModel) and not isinstance(net, UNetControlNet):
        raise InputError("control_net", type(net).__module__, f"a ControlNet of {family}", remedy)
    widths = {p.shape[1] for name, p in net.named_parameters() if name.endswith("attn2.to_k.weight")}
    if widths and widths != {width}:
        found = f"a ControlNet for text embeddings of width {max(widths)}"
        raise InputError("control_net", found, f"width {width}, as {family} has", remedy)


def _check_adapter(net: Any, unet: dict[str, Any], family: str) -> None:
    """Residuals of another size are left out by the UNet with no more than a line in the log."""
    remedy = f"Load a T2I-Adapter made for {family}."
    if not isinstance(net, (Adapter, Adapter_light)):
        raise InputError("control_net", type(net).__module__, f"a T2I-Adapter of {family}", remedy)
    width = net.channels[0] if isinstance(net, Adapter) else net.body[0].out_conv.out_channels
    if width != unet["model_channels"]:
        allowed = f"{unet['model_channels']} channels, as {family} has"
        raise InputError("control_net", f"a T2I-Adapter of {width} channels", allowed, remedy)
    if net.xl != (len(unet["channel_mult"]) == 3):  # SDXL is the one with three sizes of features
        found, allowed = ("SDXL", "SD1.5 or SD2") if net.xl else ("SD1.5 or SD2", "SDXL")
        raise InputError("control_net", f"a T2I-Adapter of {found}", f"one of {allowed}", remedy)
