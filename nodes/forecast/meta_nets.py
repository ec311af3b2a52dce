"""Nets of ComfyUI on torch's meta device, where their work can be counted without doing it."""

from __future__ import annotations

from functools import lru_cache
from types import FunctionType
from typing import Any, TypeVar, cast

import comfy.ops
import torch
from comfy.ldm.modules.attention import CrossAttention, attention_pytorch
from comfy.ldm.modules.diffusionmodules.model import pytorch_attention

W = TypeVar("W")


def zeros(*shape: int) -> torch.Tensor:
    """A tensor in half precision on the meta device."""
    return torch.zeros(*shape, dtype=torch.float16, device="meta")


def countable(net: Any) -> Any:
    """Give a net that is ours alone torch's attention and torch's layers.

    ComfyUI's other kinds of attention do the same work in parts that do not count. Each of its layers asks whether the
    user has cancelled the run, and takes the wish back: that must not happen here, beside the run that is meant.
    """

    def with_torch_attention(_: Any, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**options, "transformer_options": plain_attention()}

    for module in net.modules():
        if isinstance(module, CrossAttention):
            module.register_forward_pre_hook(with_torch_attention, with_kwargs=True)
        elif hasattr(module, "optimized_attention"):
            module.optimized_attention = pytorch_attention
        elif isinstance(module, comfy.ops.CastWeightBiasOp):
            _use_torch_layer(module)
        elif _asks_for(type(module).forward, "optimized_attention"):  # whatever its options say
            module.forward = _given(type(module).forward, optimized_attention=attention_pytorch).__get__(module)
        elif _asks_for(in_parts := getattr(type(module), "forward_orig", None), "get_max_chunk_size"):
            module.forward_orig = _given(in_parts, get_max_chunk_size=_in_one_piece).__get__(module)
            if hasattr(module, "decode_output_shape"):  # else it writes to where results are kept
                module.register_forward_pre_hook(_with_room_beside, with_kwargs=True)
    return net


def _with_room_beside(decoder: Any, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Of LTX's VAE in newer ComfyUI."""
    (latent,) = args
    return args, {**options, "output_buffer": latent.new_empty(decoder.decode_output_shape(latent.shape))}


def _in_one_piece(_: Any) -> int:
    """Bytes at once in LTX's VAE, by the memory of a device in newer ComfyUI; the meta device has none."""
    return 2**60


def _asks_for(forward: Any, name: str) -> bool:
    return isinstance(forward, FunctionType) and name in forward.__code__.co_names


def _given(forward: Any, **others: Any) -> Any:
    """The same function with others in place of some that it knows from its module."""
    names = {**forward.__globals__, **others}
    found = FunctionType(forward.__code__, names, forward.__name__, forward.__defaults__, forward.__closure__)
    found.__kwdefaults__ = forward.__kwdefaults__
    return found


def plain_attention() -> dict[str, Any]:
    """``transformer_options`` that let a net use torch's attention."""
    return {"optimized_attention_override": _torch_attention}


def _torch_attention(_: Any, *args: Any, **options: Any) -> Any:
    return attention_pytorch(*args, **options)


def _use_torch_layer(module: Any) -> None:
    kind = type(module)
    if kind.forward is _comfy_layer(kind).forward:
        module.forward = _torch_forward(kind).__get__(module)
    else:  # one that does something of its own, and then what its layer does
        module.__class__ = _over_torch(cast(Any, kind))


@lru_cache(maxsize=64)
def _over_torch(kind: type) -> type:
    """A class of layers with torch's in place of the ComfyUI's that it inherits from."""
    layer = _comfy_layer(kind)
    plain = type(layer.__name__, (layer,), {"forward": _torch_forward(kind)})
    return type(kind.__name__, (kind, plain), {})


def _comfy_layer(kind: type) -> Any:
    return next(one for one in kind.__mro__ if one.__module__ == comfy.ops.__name__)


def _torch_forward(kind: type) -> Any:
    """Of the class of torch that a layer of ComfyUI is made of."""
    layer: Any = next(one for one in kind.__mro__ if one.__module__.startswith("torch.nn."))
    return _in_time if layer is torch.nn.Conv3d else layer.forward


def _in_time(layer: torch.nn.Conv3d, frames: torch.Tensor, autopad: str | None = None) -> torch.Tensor:
    """Without what ComfyUI does in between: with some versions of cuDNN it calls that, which the meta device lacks.

    Where newer ComfyUI says ``causal_zero``, it leaves out the weights of frames of zeros in front of the given ones.
    """
    weight = layer.weight[:, :, -frames.shape[2] :] if autopad == "causal_zero" else layer.weight
    found: torch.Tensor = torch.nn.Conv3d._conv_forward(layer, frames, weight, layer.bias)
    return found


def remembered(work: W) -> W:
    """The same, counted once for the same arguments."""
    return cast(W, lru_cache(maxsize=256)(cast(Any, work)))


def unknown(*_: Any) -> None:
    """The work of what cannot be counted."""
    return
