"""ComfyUI's model management: it owns every weight, we ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import comfy.model_management as management
import comfy.utils
import torch
from comfy.model_patcher import ModelPatcher

from ..accelerator import Accelerator, cpu_has_bfloat16
from .frugal_node import loading

OutOfMemory: type[BaseException] = management.OOM_EXCEPTION


# Rows of a batch of some shape that ran out of memory no more, for as long as ComfyUI keeps the weights.
_rows_that_fit: WeakKeyDictionary[torch.nn.Module, dict[tuple[int, ...], int]] = WeakKeyDictionary()


def managed(net: torch.nn.Module) -> ModelPatcher:
    """Put a net of ours under ComfyUI's model management, so that /free and low VRAM move it like any other."""
    return ModelPatcher(net, load_device=management.get_torch_device(), offload_device=management.unet_offload_device())


def load(*patchers: Any, memory: float = 0) -> None:
    """Bring models to their device, with ``memory`` bytes left free for the work. Cheap when they are there.

    Call it before every chunk: another stage of the same stream may have pushed the weights out since.
    """
    with loading():
        management.load_models_gpu(list(patchers), memory_required=memory)


def compute_device() -> torch.device:
    """The device that ComfyUI computes on."""
    device: torch.device = management.get_torch_device()
    return device


def results_device() -> torch.device:
    """Where ComfyUI has what its models give, between nodes."""
    device: torch.device = management.intermediate_device()
    return device


def this_device() -> str:
    """What ComfyUI computes on, as the driver names it, or ``"cpu"``. Records of runs are kept under this name."""
    device = compute_device()
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type


def inference_dtype(device: torch.device) -> torch.dtype:
    """fp16 where ComfyUI would use it, fp32 elsewhere (CPU)."""
    return torch.float16 if management.should_use_fp16(device) else torch.float32


def convolution_dtype(device: torch.device) -> torch.dtype:
    """The same, but bf16 on CPUs with instructions for it, unless ``--force-fp32`` is given.

    For nets that use it in their convolutions alone: those are then about 1.5 times as fast.
    """
    if device.type == "cpu" and cpu_has_bfloat16() and not management.FORCE_FP32:
        return torch.bfloat16
    return inference_dtype(device)


def free_memory(device: torch.device) -> int:
    """Bytes that a batch may use on ``device``."""
    return int(management.get_free_memory(device))


def total_memory(device: torch.device) -> int:
    """Bytes that ``device`` has."""
    return int(management.get_total_memory(device))


def holds_weights() -> bool:
    """Whether any weights are loaded."""
    return bool(management.current_loaded_models)


def remember_rows(patcher: ModelPatcher, shape: tuple[int, ...], rows: int) -> None:
    """More rows of this shape than ``rows`` ran out of memory."""
    _rows_that_fit.setdefault(patcher.model, {})[shape] = rows


def remembered_rows(patcher: ModelPatcher, shape: tuple[int, ...]) -> int | None:
    """What ``remember_rows`` was told of these weights, whatever patches are on them."""
    return _rows_that_fit.get(patcher.model, {}).get(shape)


def release_cached_memory() -> None:
    """Give torch's cached blocks back after running out of memory."""
    management.soft_empty_cache()


def may_pin() -> bool:
    """Whether page-locked memory may be used: ComfyUI pins weights on some devices, unless its user forbids it."""
    return bool(getattr(management, "MAX_PINNED_MEMORY", 1) > 0)


def accelerator(patcher: Any) -> Accelerator:
    """A model's device as the plain stages see it: they load, ask and free through ComfyUI without knowing it."""

    def load_or_stop(memory: float) -> None:
        management.throw_exception_if_processing_interrupted()
        load(patcher, memory=memory)

    device = patcher.load_device
    return Accelerator(
        device=device,
        dtype=patcher.model_dtype() or next(patcher.model.parameters()).dtype,
        load=load_or_stop,
        free_memory=lambda: free_memory(device),
        out_of_memory=OutOfMemory,
        release=release_cached_memory,
        pins=may_pin(),
    )


def load_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read weights: .safetensors, or a pickle of nothing but tensors."""
    return dict(comfy.utils.load_torch_file(str(path), safe_load=True))
