"""A card where there is none: tensors on ``cuda:0`` that are calculated on the CPU, and may not meet those of the CPU.

``TEST_DEVICE=pretend python -m pytest tests/sampling`` finds what would fail on a card: tensors of two devices in one
operation, ``.numpy()`` of one on the card, and equality to the bit of what was calculated there and on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

CARD = torch.device("cuda", 0)
FREE, TOTAL = 8e9, 16e9
"""Bytes that the card says it has."""

aten = torch.ops.aten
_BETWEEN_DEVICES = {"aten::copy_", "aten::_to_copy", "aten::to"}
_ROUNDED_OTHERWISE = {"aten::exp"}
"""What cards and CPUs may round differently in the last bit; noise levels of SD 1.5 and SDXL come of it."""
_TAKES_PLACES_OF_THE_CPU = {"aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"}


class OnCard(torch.Tensor):
    """A tensor on the card; ``inner`` holds its numbers."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnCard:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=CARD,
        )
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:
        return f"OnCard({self.inner!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> OnCard:
        made = OnCard(self.inner.clone())
        if isinstance(self, torch.nn.Parameter):
            made._is_param = True  # type: ignore[attr-defined]
        return made

    def tolist(self) -> Any:
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    """For what makes tensors."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Generator(torch.Generator):
    """On the CPU, whatever device is wanted."""

    def __new__(cls, device: Any = "cpu") -> Any:
        return super().__new__(cls, "cpu")

    def __init__(self, device: Any = "cpu") -> None:
        pass


_real_tensor = torch.tensor


def _tensor(data: Any, *, dtype: Any = None, device: Any = None, **more: Any) -> torch.Tensor:
    made = _real_tensor(tree_map(_bare, data), dtype=dtype, **more)
    return made if device is None else made.to(device)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = func._schema.name
    if name == "aten::_has_compatible_shallow_copy_type":
        return isinstance(args[0], OnCard) == isinstance(args[1], OnCard)
    tensors = list(_tensors((args, kwargs)))
    cards = [one for one in tensors if isinstance(one, OnCard)]
    _check(name, args, tensors, cards)
    wanted = [one for one in (*args, *kwargs.values()) if isinstance(one, torch.device)]
    on_card = wanted[0].type == CARD.type if wanted else bool(cards)
    if name in ("aten::copy_", "aten::to", "aten::_to_copy") and not wanted:
        on_card = isinstance(args[-1 if func is aten.to.other else 0], OnCard)
    bare_args, bare = tree_map(_bare, (args, kwargs))
    made = func(*bare_args, **bare)
    if on_card and name in _ROUNDED_OTHERWISE and made.is_floating_point():
        made = torch.nextafter(made, torch.full_like(made, torch.inf))
    if name == "aten::to" and on_card != isinstance(args[0], OnCard) and made is bare_args[0]:
        made = made.clone()
    known = {id(one.inner): one for one in cards}

    def wrapped(one: Any) -> Any:
        if not on_card or not isinstance(one, torch.Tensor) or isinstance(one, OnCard):
            return one
        return known[id(one)] if id(one) in known else OnCard(one)

    return tree_map(wrapped, made)


def _bare(value: Any) -> Any:
    if isinstance(value, OnCard):
        return value.inner
    return torch.device("cpu") if isinstance(value, torch.device) and value.type == CARD.type else value


def _check(name: str, args: Any, tensors: list[torch.Tensor], cards: list[OnCard]) -> None:
    if any(one.device.type == CARD.type and not isinstance(one, OnCard) for one in tensors):
        raise RuntimeError(f"{name}: a tensor of the card without numbers")
    if not cards or name in _BETWEEN_DEVICES:
        return
    if name in _TAKES_PLACES_OF_THE_CPU and isinstance(args[0], OnCard):
        return
    others = [one for one in tensors if not isinstance(one, OnCard) and one.ndim > 0]
    if others:
        shapes = [tuple(one.shape) for one in others]
        raise RuntimeError(f"{name}: tensors of the card and of the CPU {shapes} in one operation")


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def put_in() -> None:
    """Let ComfyUI have the card from now on. Its modules must be imported, for the CPU and fp32."""
    import comfy.model_management as management

    management.cpu_state, management.vram_state = management.CPUState.GPU, management.VRAMState.NORMAL_VRAM
    management.get_torch_device = lambda: CARD
    management.get_free_memory = lambda dev=None, torch_free_too=False: (FREE, FREE) if torch_free_too else FREE
    management.get_total_memory = lambda dev=None, torch_total_too=False: (TOTAL, TOTAL) if torch_total_too else TOTAL
    management.supports_fp8_compute = lambda device=None: False
    management.get_torch_device_name = lambda device: "pretended"
    torch.cuda._lazy_init = lambda: None
    torch.Generator = _Generator  # type: ignore[misc]
    torch.tensor = _tensor
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    torch._C._ensureCUDADeviceGuardSet()  # as torch's FakeTensorMode does on a machine without a card
    torch._C._set_only_lift_cpu_tensors(True)
    torch.set_grad_enabled(False)  # autograd asks the driver
    _Mode().__enter__()
