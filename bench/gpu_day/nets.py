"""Nets as large as they are, of random weights that are made on the card; in a rehearsal the smallest of their kind.

They are the objects that ComfyUI's loaders give. Values neither overflow in half precision nor die away, see ``fill``.
Import it after the pack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import comfy.controlnet
import comfy.model_management as management
import comfy.ops
import comfy.sd
import comfy.sd1_clip
import comfy.sdxl_clip
import comfy.supported_models
import torch
from comfy.cldm.cldm import ControlNet
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.ldm.wan.vae import WanVAE
from comfy.model_patcher import ModelPatcher
from comfy.taesd.taesd import TAESD
from safetensors.torch import save_file
from torch import nn

from .._edit import NETS, VAE, WAN_VAE

Weights = dict[str, torch.Tensor]
Family = Literal["SD 1.5", "SDXL"]

SIZES: dict[Family, int] = {"SD 1.5": 512, "SDXL": 768}
"""Pixels along the side of an edit."""

# Each of these has all kinds of blocks that its large one has. The first is known to ComfyUI as SD 1.5.
SMALL: dict[Family, dict[str, Any]] = {
    "SD 1.5": NETS["SD 1.5"]
    | {
        "num_res_blocks": [1],
        "channel_mult": [1],
        "transformer_depth": [1],
        "transformer_depth_middle": -2,  # no middle block
        "transformer_depth_output": [1, 1],
    },
    "SDXL": NETS["SDXL"]
    | {
        "model_channels": 32,
        "num_head_channels": 16,
        "num_res_blocks": [1, 1],
        "channel_mult": [1, 2],
        "transformer_depth": [0, 2],
        "transformer_depth_middle": 2,
        "transformer_depth_output": [0, 0, 2, 2],
    },
}
SMALL_SIZE = 64

VACE: dict[str, Any] = {
    "image_model": "wan2.1",
    "model_type": "vace",
    "patch_size": (1, 2, 2),
    "in_dim": 16,
    "out_dim": 16,
    "dim": 1536,
    "ffn_dim": 8960,
    "freq_dim": 256,
    "text_dim": 4096,
    "num_heads": 12,
    "num_layers": 30,
    "window_size": (-1, -1),
    "qk_norm": True,
    "cross_attn_norm": True,
    "eps": 1e-6,
    "vace_layers": 15,
    "vace_in_dim": 96,
}
"""Wan 2.1 VACE 1.3B, as ComfyUI finds its sizes in its file."""
SMALL_VACE = VACE | {"dim": 128, "ffn_dim": 256, "num_heads": 1, "num_layers": 4, "vace_layers": 2}
VACE_SIZE, SMALL_VACE_SIZE = (832, 480), (32, 32)
VACE_TOKENS = 512


@dataclass(frozen=True, eq=False)
class ImageNets:
    """A model that makes pictures.

    Attributes:
        model: MODEL.
        control_net: CONTROL_NET.
        positive, negative: CONDITIONING of random numbers.
        vae: VAE.
        size: pixels along the side of its pictures.
    """

    model: Any
    control_net: Any
    positive: Any
    negative: Any
    vae: Any
    size: int


@dataclass(frozen=True, eq=False)
class VideoNets:
    """A model that makes videos.

    Attributes:
        model: MODEL.
        positive, negative: CONDITIONING of random numbers.
        vae: VAE; 4n + 1 frames are n + 1 latents of 16 channels, an eighth of their size.
        width, height: of its frames, in pixels.
    """

    model: Any
    positive: Any
    negative: Any
    vae: Any
    width: int
    height: int


@dataclass(frozen=True)
class CheckpointFiles:
    """Files for CheckpointLoaderSimple and ControlNetLoader."""

    checkpoint: Path
    control_net: Path


def sd15(rehearse: bool) -> ImageNets:
    """Stable Diffusion 1.5 and its ControlNet, on the card; without their text encoder."""
    return _image_nets("SD 1.5", rehearse)


def sdxl(rehearse: bool) -> ImageNets:
    """Stable Diffusion XL and its ControlNet, on the card; without their text encoders."""
    return _image_nets("SDXL", rehearse)


def vace(rehearse: bool) -> VideoNets:
    """Wan 2.1 VACE 1.3B, on the card; without its text encoder."""
    width, height = SMALL_VACE_SIZE if rehearse else VACE_SIZE
    positive, negative = _prompts(VACE_TOKENS, VACE["text_dim"])
    vae = comfy.sd.VAE(sd=_made(video_vae_layout(rehearse), 3, management.get_torch_device()))
    model = model_of(comfy.supported_models.WAN21_Vace(SMALL_VACE if rehearse else VACE))
    return VideoNets(model, positive, negative, vae, width, height)


def fill(net: nn.Module, seed: int) -> None:
    """Give a net random weights where they lie, whatever they were.

    Norms are 1, biases 0, all else is normal with a variance of 1 / fan-in: what comes out of a layer is about as large
    as what goes in. Last layers are damped, so that what a net predicts is at most as large as noise.
    """
    _fill(dict(net.named_parameters()), seed)


def checkpoint_files(folder: Path, rehearse: bool, family: Family = "SD 1.5") -> CheckpointFiles:
    """Write a checkpoint with its text encoders and VAE, and a ControlNet, in half precision.

    In a rehearsal the UNet and the ControlNet are small, and the VAE is TAESD; ComfyUI knows text encoders of one size.

    Raises:
        ValueError: a rehearsal with SDXL; ComfyUI knows no small one.
    """
    if rehearse and family == "SDXL":
        raise ValueError("family: found SDXL; allowed: SD 1.5 in a rehearsal")
    device = management.get_torch_device()
    name = family.lower().replace(" ", "").replace(".", "")
    files = CheckpointFiles(folder / f"random-{name}.safetensors", folder / f"random-{name}-control.safetensors")
    folder.mkdir(parents=True, exist_ok=True)
    layouts = checkpoint_layouts(family, rehearse)
    parts = {part: _made(layout, seed, device) for seed, (part, layout) in enumerate(layouts.items())}
    _write(parts.pop("control_net"), files.control_net)
    _write(as_checkpoint(family, parts), files.checkpoint)
    del parts
    management.soft_empty_cache()  # a server is to have the card
    return files


def checkpoint_layouts(family: Family, rehearse: bool) -> dict[str, Weights]:
    """The weights of UNet, ControlNet, VAE and text encoders on the meta device, under the nets' own names."""
    text_encoder = {"SD 1.5": comfy.sd1_clip.SD1ClipModel, "SDXL": comfy.sdxl_clip.SDXLClipModel}[family]
    layout = _layout(family, rehearse)
    return {
        "unet": _on_meta(lambda **how: UNetModel(**layout, out_channels=4, **how)),
        "control_net": _on_meta(lambda **how: _control_net(layout, **how)),
        "vae": _vae_layout(rehearse),
        "clip": dict(text_encoder(device="meta", dtype=torch.float16).state_dict()),
    }


def as_checkpoint(family: Family, parts: Mapping[str, Weights]) -> Weights:
    """Parts of a checkpoint under the names that they have in a file, by ComfyUI's own renaming."""
    config = _config(family, rehearse=False)
    return {
        **config.process_unet_state_dict_for_saving(parts["unet"]),
        **config.process_clip_state_dict_for_saving(parts["clip"]),
        **config.process_vae_state_dict_for_saving(parts["vae"]),
    }


def _image_nets(family: Family, rehearse: bool) -> ImageNets:
    layout = _layout(family, rehearse)
    pooled = layout.get("adm_in_channels", 0) and 1280
    positive, negative = _prompts(77, layout["context_dim"], pooled)
    vae = comfy.sd.VAE(sd=vae_weights(rehearse))
    model, control_net = model_of(_config(family, rehearse)), control_net_of(layout)
    return ImageNets(model, control_net, positive, negative, vae, SMALL_SIZE if rehearse else SIZES[family])


def _layout(family: Family, rehearse: bool) -> dict[str, Any]:
    return SMALL[family] if rehearse else NETS[family]


def _config(family: Family, rehearse: bool) -> Any:
    kind = {"SD 1.5": comfy.supported_models.SD15, "SDXL": comfy.supported_models.SDXL}[family]
    return kind({**_layout(family, rehearse), "out_channels": 4})


def model_of(config: Any, seed: int = 0) -> ModelPatcher:
    """A MODEL of a config of ComfyUI's, as its loader makes it, but for the copies of weights."""
    device = management.get_torch_device()
    dtype = management.unet_dtype(
        model_params=-1, supported_dtypes=config.supported_inference_dtypes, weight_dtype=torch.float16
    )
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device, config.supported_inference_dtypes))
    model = config.get_model({}, "", device=device)
    fill(model.diffusion_model, seed)
    patcher = ModelPatcher(model, load_device=device, offload_device=management.unet_offload_device())
    management.load_models_gpu([patcher], force_full_load=True)
    return patcher


def control_net_of(layout: Mapping[str, Any], seed: int = 1) -> Any:
    """A CONTROL_NET for a UNet of that layout, on the card."""
    device = management.get_torch_device()
    dtype = management.unet_dtype(model_params=-1, weight_dtype=torch.float16)
    cast = management.unet_manual_cast(dtype, device)
    net = _control_net(layout, device=device, dtype=dtype, operations=comfy.ops.pick_operations(dtype, cast))
    fill(net, seed)
    control_net = comfy.controlnet.ControlNet(net, load_device=device, manual_cast_dtype=cast)
    management.load_models_gpu(control_net.get_models(), force_full_load=True)
    return control_net


def _control_net(layout: Mapping[str, Any], **how: Any) -> nn.Module:
    encoder = {name: value for name, value in layout.items() if name != "transformer_depth_output"}
    net: nn.Module = ControlNet(**encoder, hint_channels=3, **how)
    return net


def _on_meta(net: Callable[..., nn.Module]) -> Weights:
    made = net(device="meta", dtype=torch.float16, operations=comfy.ops.disable_weight_init)
    return dict(made.state_dict())


def vae_weights(rehearse: bool, seed: int = 2) -> Weights:
    """Random weights of the autoencoder of Stable Diffusion, on the card; in a rehearsal those of TAESD."""
    return _made(_vae_layout(rehearse), seed, management.get_torch_device())


def _vae_layout(rehearse: bool) -> Weights:
    with torch.device("meta"):
        net = TAESD() if rehearse else AutoencoderKL(ddconfig=VAE, embed_dim=4)
        return {name: value.half() for name, value in net.state_dict().items()}


def video_vae_layout(rehearse: bool) -> Weights:
    """The weights of the VAE of Wan 2.1 on the meta device."""
    with torch.device("meta"):
        net = WanVAE(**WAN_VAE | ({"dim": 8} if rehearse else {}))
        return {name: value.half() for name, value in net.state_dict().items()}


def _prompts(tokens: int, width: int, pooled: int = 0) -> Iterator[Any]:
    """Two CONDITIONINGs."""
    random = torch.Generator().manual_seed(0)
    for _ in range(2):
        more = {"pooled_output": torch.randn(1, pooled, generator=random)} if pooled else {}
        yield [[torch.randn(1, tokens, width, generator=random), more]]


def _made(layout: Weights, seed: int, device: torch.device) -> Weights:
    """Random weights of that layout on ``device``."""
    weights = {name: torch.empty_like(value, device=device) for name, value in layout.items()}
    _fill(weights, seed)
    return weights


def _fill(weights: Weights, seed: int) -> None:
    generators: dict[torch.device, torch.Generator] = {}
    with torch.no_grad():
        for name, value in sorted(weights.items()):
            random = generators.setdefault(value.device, torch.Generator(value.device).manual_seed(seed))
            if value.ndim > 1 and not name.endswith("gamma"):
                value.normal_(0, _deviation(name, value.shape), generator=random)
            else:
                value.fill_(_constant(name))


def _deviation(name: str, shape: torch.Size) -> float:
    if "modulation" in name:
        return 0.3
    return gain(name) / math.sqrt(math.prod(shape[1:]))


def gain(name: str) -> float:
    """What the layer of that name makes of its input's size."""
    if name.startswith("input_hint_block."):
        return 2.2  # else the hint dies away in seven SiLUs
    if name.startswith("taesd_"):
        return 0.8  # keeps most pixels within 0..1
    last = ("out.2.weight", "zero_convs.", "middle_block_out.", "head.head.weight")
    return 0.3 if name.startswith(last) else 1.0


def _constant(name: str) -> float:
    if name == "vae_scale":
        return 0.18215  # of the latents of SD 1.5
    return float(name.endswith(("weight", "scale", "gamma")))


def _write(weights: Weights, path: Path) -> None:
    save_file({name: value.contiguous().cpu() for name, value in weights.items()}, path)
