"""The work of the models that a workflow names, counted from the shapes in their files: no weights are loaded."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import comfy.model_detection
import comfy.ops
import torch
from comfy.cldm.cldm import ControlNet
from comfy.ldm.modules.attention import CrossAttention, attention_pytorch
from comfy.ldm.modules.diffusionmodules.model import AttnBlock, pytorch_attention
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_base import BaseModel
from comfy.sd import VAE
from safetensors import SafetensorError, safe_open
from spandrel import ModelLoader, UnsupportedModelError

from ..accelerator import Accelerator
from ..errors import InputError
from ..flops import flops_of
from ..host.models import load_state_dict
from ..interpolation.interpolator import NetInterpolator
from ..interpolation.rife import load_rife
from ..upscaling.upscaler import Upscaler
from .edit_work import Work

TOKENS = 77
"""Of a prompt that CLIP takes in one piece."""

Shapes = dict[str, torch.Tensor]
"""A state dict on torch's meta device."""


@dataclass(frozen=True)
class FileVersion:
    """A file as it is now: another one when it changes."""

    path: Path
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> FileVersion:
        """Look at the file.

        Raises:
            OSError: it is not there.
        """
        stat = path.stat()
        return cls(path, stat.st_size, stat.st_mtime_ns)


def shapes(path: Path) -> Shapes:
    """Names, shapes and types of the tensors in a .safetensors file or a pickle of tensors, without reading their data.

    Raises:
        InputError: it is neither.
    """
    try:
        found = _header(path) if path.suffix.lower() in (".safetensors", ".sft") else _pickle(path)
    except (OSError, RuntimeError, ValueError, SafetensorError, EOFError) as error:
        raise InputError("model", f"{path.name!r}, which cannot be read ({error})", "a file of weights") from error
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}


def _header(path: Path) -> Shapes:
    with safe_open(path, framework="pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
        return {
            name: torch.empty(part.get_shape(), dtype=_DTYPES.get(part.get_dtype(), torch.float16), device="meta")
            for name, part in slices.items()
        }


_DTYPES = {"F32": torch.float32, "F64": torch.float64, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn}


def _pickle(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="meta", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError("it holds more than weights") from error
    inner = found.get("state_dict", found)
    return dict(inner)


def checkpoint_model(path: Path) -> BaseModel:
    """The diffusion model of a checkpoint, as ComfyUI recognises it, on torch's meta device.

    Raises:
        InputError: ComfyUI does not know it.
    """
    found = shapes(path)
    prefix = comfy.model_detection.unet_prefix_from_state_dict(found)
    config = comfy.model_detection.model_config_from_unet(found, prefix)
    if config is None:
        raise InputError("ckpt_name", repr(path.name), "a checkpoint of a diffusion model")
    config.custom_operations = comfy.ops.disable_weight_init
    config.set_inference_dtype(torch.float16, None)
    return config.get_model(found, prefix, device="meta")


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
    return flops_of(net, lambda net: _countable(net)(x, time, context=context, y=label, transformer_options=options))


def look_flops(net: Any, config: dict[str, Any], width: int, height: int) -> float | None:
    """FLOPs that a row takes more for each picture that it looks at: attention grows with its keys, and no faster."""
    alone, looking = (unet_flops(net, config, width, height, looks) for looks in (0, 1))
    return None if alone is None or looking is None else looking - alone


def control_flops(net: Any, config: dict[str, Any], width: int, height: int) -> float | None:
    """The same of a ControlNet of the UNet family."""
    x, time, context, label = _inputs(config, width, height)
    hint = torch.zeros(1, 3, x.shape[2] * 8, x.shape[3] * 8, dtype=torch.float16, device="meta")
    return flops_of(net, lambda net: _countable(net)(x, hint, time, context, y=label))


def hint_flops(net: Any, width: int, height: int) -> float | None:
    """Those of its FLOPs that a ControlNet of the UNet family spends on the picture that guides it."""
    rows, columns = (max(side // 8, 1) * 8 for side in (height, width))
    hint = torch.zeros(1, 3, rows, columns, dtype=torch.float16, device="meta")
    return flops_of(net, lambda net: _countable(net).input_hint_block(hint, None, None))


def _inputs(config: dict[str, Any], width: int, height: int) -> tuple[Any, Any, Any, Any]:
    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(1, *shape, dtype=torch.float16, device="meta")

    label = config.get("adm_in_channels")
    x = zeros(config.get("in_channels", 4), max(height // 8, 1), max(width // 8, 1))
    return x, zeros().flatten(), zeros(TOKENS, config["context_dim"]), zeros(label) if label else None


def _countable(net: Any) -> Any:
    """Give a net that is ours alone torch's attention and torch's layers.

    ComfyUI's other kinds of attention do the same work in parts that do not count. Each of its layers asks whether the
    user has cancelled the run, and takes the wish back: that must not happen here, beside the run that is meant.
    """

    def with_torch_attention(_: Any, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**options, "transformer_options": {"optimized_attention_override": _torch_attention}}

    for module in net.modules():
        if isinstance(module, CrossAttention):
            module.register_forward_pre_hook(with_torch_attention, with_kwargs=True)
        elif isinstance(module, AttnBlock):
            module.optimized_attention = pytorch_attention
        elif isinstance(module, comfy.ops.CastWeightBiasOp):
            module.forward = _torch_layer(module).forward.__get__(module)
    return net


def _torch_layer(module: torch.nn.Module) -> type[torch.nn.Module]:
    """The class of torch that a layer of ComfyUI is made of."""
    return next(kind for kind in type(module).__mro__ if kind.__module__.startswith("torch.nn."))


def _torch_attention(_: Any, *args: Any, **options: Any) -> Any:
    return attention_pytorch(*args, **options)


@dataclass(frozen=True, eq=False)
class CheckpointWork:
    """Work and memory of a checkpoint's UNet and VAE.

    Attributes:
        unet, look, encode, decode, row_memory: see ``edit_work.Nets``.
        weights: bytes of the UNet in half precision.
        model_sampling: ComfyUI's noise levels of the model.
    """

    unet: Work
    look: Work
    encode: Work
    decode: Work
    row_memory: Work
    weights: float
    model_sampling: Any


def checkpoint_work(path: Path) -> CheckpointWork:
    """Look at a checkpoint.

    Raises:
        InputError: it cannot be read, or ComfyUI does not know it.
    """
    return _checkpoint_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _checkpoint_work(file: FileVersion) -> CheckpointWork:
    model = checkpoint_model(file.path)
    net, factor = model.diffusion_model, model.memory_usage_factor
    encode, decode = vae_work(file.path)
    return CheckpointWork(
        unet=_remembered(lambda width, height: unet_flops(net, model.model_config.unet_config, width, height)),
        look=_remembered(lambda width, height: look_flops(net, model.model_config.unet_config, width, height)),
        encode=encode,
        decode=decode,
        row_memory=lambda width, height: row_memory(factor, width, height),
        weights=half_bytes(net),
        model_sampling=model.model_sampling,
    )


def row_memory(factor: float, width: int, height: int) -> float:
    """Bytes that a frame takes while it is sampled with both prompts: ComfyUI's rule for flash attention and fp16.

    Args:
        factor: ComfyUI's ``memory_usage_factor`` of the model.
        width, height: of the picture, in pixels.
    """
    return 2 * (width // 8) * (height // 8) * torch.float16.itemsize * 0.01 * factor * 2**20


def vae_work(path: Path) -> tuple[Work, Work]:
    """FLOPs of encoding and of decoding a frame, by the VAE of a checkpoint or of a file of its own.

    Raises:
        InputError: the file cannot be read.
    """
    return _vae_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _vae_work(file: FileVersion) -> tuple[Work, Work]:
    found = shapes(file.path)
    own = {name.removeprefix(_VAE): value for name, value in found.items() if name.startswith(_VAE)} or found
    with torch.device("meta"):
        vae = VAE(sd=own)
    net = getattr(vae, "first_stage_model", None)
    if net is None:
        return _unknown, _unknown
    return autoencoder_work(net.to(torch.float16), vae.spacial_compression_encode(), vae.latent_channels)


def autoencoder_work(net: Any, down: int, channels: int) -> tuple[Work, Work]:
    """FLOPs of encoding and of decoding a frame, by a net on the meta device in half precision.

    Args:
        net: has ``encode`` and ``decode``.
        down: pixels along the side of a latent pixel.
        channels: of latents.
    """

    def encode(width: int, height: int) -> float | None:
        picture = torch.zeros(1, 3, height, width, dtype=torch.float16, device="meta")
        return flops_of(net, lambda net: _countable(net).encode(picture))

    def decode(width: int, height: int) -> float | None:
        latent = torch.zeros(1, channels, height // down, width // down, dtype=torch.float16, device="meta")
        return flops_of(net, lambda net: _countable(net).decode(latent))

    return _remembered(encode), _remembered(decode)


_VAE = "first_stage_model."


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
            return _unknown, float(sum(value.numel() for value in found.values()) * 2), _unknown
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
    work = _remembered(lambda width, height: control_flops(net, config, width, height))
    return work, half_bytes(net), _remembered(lambda width, height: hint_flops(net, width, height))


def upscale_scale(path: Path) -> float:
    """How many times as wide the result of an upscaling net is.

    Raises:
        InputError: the file cannot be read.
    """
    return _upscaler(FileVersion.of(path))[1]


def upscale_work(path: Path) -> Work:
    """FLOPs for a frame of that size through an upscaling net. Its weights, which are small, are read.

    Raises:
        InputError: the file cannot be read.
    """
    return _upscaler(FileVersion.of(path))[0]


@lru_cache(maxsize=8)
def _upscaler(file: FileVersion) -> tuple[Work, float]:
    try:
        net: Any = ModelLoader().load_from_state_dict(load_state_dict(file.path))
    except (UnsupportedModelError, RuntimeError, ValueError) as error:
        raise InputError("upscale_model", repr(file.path.name), "a super-resolution net") from error
    each = Upscaler(net, Accelerator(), (2, 2)).flops_per_pixel()
    return lambda width, height: None if each is None else each * width * height, float(net.scale)


def interpolation_work(path: Path) -> tuple[Work, Work]:
    """FLOPs for a picture that frames are made between, and for a frame that is made. The weights are read.

    Raises:
        InputError: they are not those of RIFE.
    """
    return _interpolation_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _interpolation_work(file: FileVersion) -> tuple[Work, Work]:
    interpolator = NetInterpolator(load_rife(load_state_dict(file.path), file.path.name), Accelerator())
    count = lru_cache(maxsize=256)(interpolator.flops)

    def part(index: int) -> Work:
        def work(width: int, height: int) -> float | None:
            found = count(height, width)
            return None if found is None else found[index]

        return work

    return part(0), part(1)


def _remembered(work: Work) -> Work:
    return lru_cache(maxsize=256)(work)


def _unknown(width: int, height: int) -> None:
    return None


def half_bytes(net: torch.nn.Module) -> float:
    """Bytes of a net's weights in half precision."""
    return float(sum(value.numel() for value in net.parameters()) * 2)
