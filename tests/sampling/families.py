"""Tiny untrained models of the families that ComfyUI has ControlNets for, made by ComfyUI's own classes.

The loaders recognise most families by sizes that no tiny model has, so models are put together as the loaders do it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import comfy.controlnet
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.supported_models
import torch
from comfy.cldm.cldm import ControlNet
from comfy.cldm.mmdit import ControlNet as MMDiTControlNet
from comfy.ldm.flux.controlnet import ControlNetFlux
from comfy.ldm.flux.model import FluxParams
from comfy.ldm.qwen_image.controlnet import QwenImageControlNetModel
from comfy.model_patcher import ModelPatcher
from comfy.ops import disable_weight_init
from comfy.t2i_adapter.adapter import Adapter

from .untrained import randomised

CPU = {"device": "cpu", "dtype": torch.float32, "operations": disable_weight_init}


@dataclass(frozen=True, eq=False)
class Family:
    """MODEL, CONTROL_NET, CONDITIONING twice, the shape of one latent, and a VAE if the control needs one."""

    model: Any
    control_net: Any
    positive: Any
    negative: Any
    latent: tuple[int, ...]
    vae: Any = None


class EightfoldVae:
    """A VAE of an eighth of the size, whose latents are the mean colours there."""

    def __init__(self, time: bool = False, channels: int = 16) -> None:
        self.time = time  # whether latents have a time axis
        self.latent_channels = channels

    def spacial_compression_encode(self) -> int:
        return 8

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        small = torch.nn.functional.avg_pool2d(images.movedim(-1, 1), 8)
        latents = (small.repeat(1, 6, 1, 1)[:, : self.latent_channels] - 0.5) * 4
        return latents.unsqueeze(2) if self.time else latents

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        small = latents[:, :3] / 4 + 0.5
        return torch.nn.functional.interpolate(small, scale_factor=8).movedim(1, -1)


def _filled(net: torch.nn.Module, seed: int, gain: Callable[[str], float] = lambda name: 1.0) -> torch.nn.Module:
    weights = randomised(net, seed, gain)
    net.load_state_dict({name: value.float() for name, value in weights.items()})
    return net.eval()


def _model(config: Any, kind: Any, seed: int = 1) -> ModelPatcher:
    config.set_inference_dtype(torch.float32, None)
    model = kind(config, device="cpu")
    _filled(model.diffusion_model, seed)
    device = comfy.model_management.get_torch_device()
    return ModelPatcher(model, load_device=device, offload_device=torch.device("cpu"))


def _prompts(width: int, pooled: int | None = None, **options: Any) -> tuple[Any, Any]:
    """CONDITIONING of random text."""
    generator = torch.Generator().manual_seed(5)

    def prompt() -> Any:
        more = {} if pooled is None else {"pooled_output": torch.randn(1, pooled, generator=generator)}
        return [[torch.randn(1, 7, width, generator=generator), {**more, **options}]]

    return prompt(), prompt()


def _hints_count(name: str) -> float:
    return 2.2 if name.startswith(("input_hint_block.", "pos_embed_input.", "control_add_embedding.")) else 1.0


# --- U-nets ---------------------------------------------------------------------------------------------------------

UNET: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 32,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "transformer_depth_middle": 1,
    "use_linear_in_transformer": False,
    "use_spatial_transformer": True,
    "context_dim": 64,
    "adm_in_channels": None,
    "num_heads": 8,
    "num_head_channels": -1,
    "legacy": False,
}
SDXL: dict[str, Any] = UNET | {
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],
    "transformer_depth": [0, 0, 1, 1, 2, 2],
    "transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "transformer_depth_middle": 2,
    "use_linear_in_transformer": True,
    "adm_in_channels": 2816,
    "num_classes": "sequential",
    "num_heads": -1,
    "num_head_channels": 16,
}

# The Union ControlNet's task embedding has 320 channels, whatever the net's.
UNION: dict[str, Any] = SDXL | {
    "model_channels": 320,
    "num_res_blocks": [1],
    "channel_mult": [1],
    "transformer_depth": [1],
    "transformer_depth_output": [1, 1],
    "transformer_depth_middle": 1,
    "num_head_channels": 40,
}


def _sd15(control_net: Any) -> Family:
    config = comfy.supported_models.SD15(UNET | {"out_channels": 4})
    model = _model(config, comfy.model_base.BaseModel)
    return Family(model, control_net, *_prompts(64), (4, 8, 8))


def _unet_control(config: dict[str, Any], **more: Any) -> Any:
    net = _filled(ControlNet(**config, hint_channels=3, **CPU, **more), 2, _hints_count)
    return comfy.controlnet.ControlNet(net, load_device=comfy.model_management.get_torch_device())


def sd15() -> Family:
    """Stable Diffusion 1.5 and its ControlNet."""
    return _sd15(_unet_control(UNET))


def sd15_inpaint() -> Family:
    """Stable Diffusion 1.5 for inpainting: with a mask and a picture beside what is sampled; and a ControlNet."""
    config = comfy.supported_models.SD15(UNET | {"in_channels": 9, "out_channels": 4})
    model = _model(config, comfy.model_base.BaseModel)
    model.model.set_inpaint()
    return Family(model, _unet_control(UNET), *_prompts(64), (4, 8, 8), EightfoldVae(channels=4))


def sd15_instructed() -> Family:
    """InstructPix2Pix: with a picture beside what is sampled, but no mask."""
    config = comfy.supported_models.SD15_instructpix2pix(UNET | {"in_channels": 8, "out_channels": 4})
    model = _model(config, comfy.model_base.SD15_instructpix2pix)
    return Family(model, _unet_control(UNET), *_prompts(64), (4, 8, 8), EightfoldVae(channels=4))


def _sdxl(config: dict[str, Any], control_net: Any) -> Family:
    model = _model(comfy.supported_models.SDXL(config | {"out_channels": 4}), comfy.model_base.SDXL)
    return Family(model, control_net, *_prompts(64, 1280), (4, 8, 8))


def sdxl() -> Family:
    """SDXL and its ControlNet; prompts have a pooled embedding too."""
    return _sdxl(SDXL, _unet_control(SDXL))


def union() -> Family:
    """SDXL and a Union ControlNet, set to openpose."""
    control_net = _unet_control(UNION, union_controlnet_num_control_type=6)
    control_net.set_extra_arg("control_type", [0])
    return _sdxl(UNION, control_net)


def control_lora() -> Family:
    """SD 1.5 and a ControlLoRA: hint encoder and zero convolutions, and changes to the UNet's own weights."""
    net = ControlNet(**UNET, hint_channels=3, **CPU)
    weights = {name: value.float() for name, value in randomised(net, 2, _hints_count).items()}
    own = ("input_hint_block.", "zero_convs.", "middle_block_out.")
    lora = {name: value for name, value in weights.items() if name.startswith(own)}
    name = "middle_block.1.transformer_blocks.0.attn1.to_q"
    size = weights[f"{name}.weight"].shape[0]
    lora |= {f"{name}.up": torch.full((size, 2), 0.1), f"{name}.down": torch.full((2, size), 0.1)}
    return _sd15(comfy.controlnet.load_controlnet_state_dict({"lora_controlnet": torch.tensor([]), **lora}))


def t2i_adapter() -> Family:
    """SD 1.5 and a T2I-Adapter, which looks at the hint alone."""
    net = Adapter(cin=3 * 64, channels=[32, 64, 128, 128], nums_rb=2, ksize=1, sk=True, use_conv=False)
    weights = {name: value.float() for name, value in randomised(net, 2).items()}
    return _sd15(comfy.controlnet.load_controlnet_state_dict(weights))


# --- transformers ---------------------------------------------------------------------------------------------------

FLUX: dict[str, Any] = {
    "in_channels": 16,
    "vec_in_dim": 24,
    "context_in_dim": 64,
    "hidden_size": 64,
    "mlp_ratio": 2.0,
    "num_heads": 2,
    "depth": 2,
    "depth_single_blocks": 2,
    "axes_dim": [8, 12, 12],
    "theta": 10000,
    "patch_size": 2,
    "qkv_bias": True,
    "guidance_embed": True,
}
if "txt_ids_dims" in FluxParams.__dataclass_fields__:  # ComfyUI 0.25
    FLUX["txt_ids_dims"] = []


def flux() -> Family:
    """Flux and a ControlNet of the XLabs kind, which encodes the hint itself."""
    config = FLUX | {"out_channels": 16}
    model = _model(comfy.supported_models.Flux(config), comfy.model_base.Flux)
    net = _filled(ControlNetFlux(**config, **CPU), 2, _hints_count)
    device = comfy.model_management.get_torch_device()
    control_net = comfy.controlnet.ControlNet(net, load_device=device, extra_conds=["y", "guidance"])
    return Family(model, control_net, *_prompts(64, 24), (16, 8, 8))


def flux_union() -> Family:
    """Flux and a Union ControlNet of the InstantX kind, which wants the hint as a latent."""
    config = FLUX | {"out_channels": 16}
    model = _model(comfy.supported_models.Flux(config), comfy.model_base.Flux)
    net = _filled(ControlNetFlux(latent_input=True, num_union_modes=4, **config, **CPU), 2, _hints_count)
    control_net = comfy.controlnet.ControlNet(
        net,
        compression_ratio=1,
        latent_format=comfy.latent_formats.Flux(),
        load_device=comfy.model_management.get_torch_device(),
        extra_conds=["y", "guidance"],
    )
    control_net.set_extra_arg("control_type", [3])
    return Family(model, control_net, *_prompts(64, 24), (16, 8, 8), EightfoldVae())


def flux_fill() -> Family:
    """Flux Fill: with 16 channels of a picture and 64 of a mask beside what is sampled."""
    model = _model(comfy.supported_models.Flux(FLUX | {"in_channels": 96, "out_channels": 16}), comfy.model_base.Flux)
    return replace(flux(), model=model, vae=EightfoldVae())


def flux_inpaint_control() -> Family:
    """Flux and a ControlNet that paints into pictures, which wants a mask behind the hint's latent (AliMama's)."""
    family = flux()
    config = FLUX | {"out_channels": 16}
    net = _filled(ControlNetFlux(latent_input=True, control_latent_channels=17, **config, **CPU), 2, _hints_count)
    control_net = comfy.controlnet.ControlNet(
        net,
        compression_ratio=1,
        latent_format=comfy.latent_formats.Flux(),
        concat_mask=True,
        load_device=comfy.model_management.get_torch_device(),
        extra_conds=["y", "guidance"],
    )
    return replace(family, control_net=control_net, vae=EightfoldVae())


def sd3() -> Family:
    """Stable Diffusion 3 and its ControlNet."""
    config = {
        "input_size": None,
        "in_channels": 16,
        "depth": 2,
        "adm_in_channels": 24,
        "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": 64, "out_features": 128}},
        "pos_embed_scaling_factor": None,
        "pos_embed_max_size": 16,
        "num_patches": 256,
        "qk_norm": None,
    }
    model = _model(comfy.supported_models.SD3(config), comfy.model_base.SD3)
    net = _filled(MMDiTControlNet(num_blocks=1, control_latent_channels=16, **config, **CPU), 2, _hints_count)
    latent_format = comfy.latent_formats.SD3()
    latent_format.shift_factor = 0
    control_net = comfy.controlnet.ControlNet(
        net,
        compression_ratio=1,
        latent_format=latent_format,
        load_device=comfy.model_management.get_torch_device(),
    )
    return Family(model, control_net, *_prompts(64, 24), (16, 8, 8), EightfoldVae())


def qwen_image() -> Family:
    """Qwen-Image and its ControlNet: frames are rows here too, of latents that have a time axis of one."""
    config = {
        "image_model": "qwen_image",
        "in_channels": 64,
        "num_layers": 2,
        "attention_head_dim": 32,
        "num_attention_heads": 2,
        "joint_attention_dim": 64,
        "axes_dims_rope": (8, 12, 12),
    }
    model = _model(comfy.supported_models.QwenImage(config), comfy.model_base.QwenImage)
    net = _filled(QwenImageControlNetModel(**config, **CPU), 2, _hints_count)
    control_net = comfy.controlnet.ControlNet(
        net,
        compression_ratio=1,
        latent_format=comfy.latent_formats.Wan21(),
        load_device=comfy.model_management.get_torch_device(),
        extra_conds=[],
    )
    return Family(model, control_net, *_prompts(64), (16, 1, 8, 8), EightfoldVae(time=True))


FAMILIES: dict[str, Callable[[], Family]] = {
    made.__name__: made for made in (sd15, sdxl, union, control_lora, t2i_adapter, flux, flux_union, sd3, qwen_image)
}
