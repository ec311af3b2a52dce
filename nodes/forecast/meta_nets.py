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
        elif _asks_for_attention(type(module).forward):
            module.forward = _with_torch_attention(type(module).forward).__get__(module)  # whatever its options say
    return net


def _asks_for_attention(forward: Any) -> bool:
    return isinstance(forward, FunctionType) and "optimized_attention" in forward.__code__.co_names


def _with_torch_attention(forward: Any) -> Any:
    """The same function, for which ``optimized_attention`` is torch's."""
    names = {**forward.__globals__, "optimized_attention": attention_pytorch}
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
        module.forward = _torch_layer(kind).forward.__get__(module)
    else:  # one that does something of its own, and then what its layer does
        module.__class__ = _over_torch(cast(Any, kind))


@lru_cache(maxsize=64)
def _over_torch(kind: type) -> type:
    """A class of layers with torch's in place of the ComfyUI's that it inherits from."""
    layer = _comfy_layer(kind)
    plain = type(layer.__name__, (layer,), {"forward": cast(Any, _torch_layer(kind)).forward})
    return type(kind.__name__, (kind, plain), {})


def _comfy_layer(kind: type) -> Any:
    return next(one for one in kind.__mro__ if one.__module__ == comfy.ops.__name__)


def _torch_layer(kind: type) -> Any:
    """The class of torch that a layer of ComfyUI is made of."""
    return next(one for one in kind.__mro__ if one.__module__.startswith("torch.nn."))


def remembered(work: W) -> W:
    """The same, counted once for the same arguments."""
    return cast(W, lru_cache(maxsize=256)(cast(Any, work)))


def unknown(*_: Any) -> None:
    """The work of what cannot be counted."""
    return
