"""Do model, ControlNet, VAE and prompts belong together? Asked before any weight is loaded."""

from __future__ import annotations

from typing import Any

from comfy.cldm.cldm import ControlNet as UNetControlNet
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..errors import InputError
from .keyframe_control import KeyframeControl


def check_families(model: Any, vae: Any, control_net: Any, positive: Any, negative: Any) -> None:
    """Refuse parts of different model families, which would fail deep inside with a matrix shape.

    Raises:
        InputError: names the part that does not fit the model.
    """
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


def _check_control(control_net: Any, model: Any, family: str, width: int) -> None:
    control_net = control_net.inner if isinstance(control_net, KeyframeControl) else control_net
    net = getattr(control_net, "control_model", None)
    if net is None:  # T2I-Adapter, ControlLoRA: built from the model itself, or without attention
        return
    remedy = f"Load a ControlNet made for {family}."
    if isinstance(model.model.diffusion_model, UNetModel) and not isinstance(net, UNetControlNet):
        raise InputError("control_net", type(net).__module__, f"a ControlNet of {family}", remedy)
    widths = {p.shape[1] for name, p in net.named_parameters() if name.endswith("attn2.to_k.weight")}
    if widths and widths != {width}:
        found = f"a ControlNet for text embeddings of width {max(widths)}"
        raise InputError("control_net", found, f"width {width}, as {family} has", remedy)
