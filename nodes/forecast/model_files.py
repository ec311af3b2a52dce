"""Files of weights: what is in them, and which net ComfyUI takes it for. No weights are loaded."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_detection
import comfy.ops
import torch
from comfy.model_base import BaseModel

from ..errors import InputError

Shapes = dict[str, torch.Tensor]
"""A state dict on torch's meta device."""

_SAFE = (".safetensors", ".sft")


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
        found = _tensors(path) if path.suffix.lower() in _SAFE else _pickle(path)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from error
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}


def metadata(path: Path) -> dict[str, str]:
    """What else a .safetensors file says of itself; ComfyUI tells some nets by it alone.

    Raises:
        InputError: it cannot be read.
    """
    if path.suffix.lower() not in _SAFE:
        return {}
    try:
        return dict(_header(path).get(_METADATA, {}))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError("model", f"{path.name!r}, which cannot be read ({error})", "a file of weights")


def _tensors(path: Path) -> Shapes:
    try:
        return {
            name: torch.empty(part["shape"], dtype=_DTYPES.get(part["dtype"], torch.float16), device="meta")
            for name, part in _header(path).items()
            if name != _METADATA
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"{error} in its header") from error


def _header(path: Path) -> dict[str, Any]:
    """The header alone: the library maps the whole file, which fails where it is larger than the memory."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= _LONGEST:
            raise ValueError("it has no header")
        found = json.loads(file.read(length))
    if not isinstance(found, dict):
        raise ValueError("its header is no object")
    return found


_METADATA = "__metadata__"
_LONGEST = 100_000_000
"""Bytes of a header, as the library takes it."""

_DTYPES = {
    "F32": torch.float32,
    "F64": torch.float64,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I8": torch.int8,
    "U8": torch.uint8,
}


def _pickle(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="meta", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError("it holds more than weights") from error
    inner = found.get("state_dict", found)
    return dict(inner)


def diffusion_model(path: Path) -> BaseModel | None:
    """The diffusion model of a checkpoint or of a file of its own, as ComfyUI recognises it, on torch's meta device.

    Returns:
        ``None`` if ComfyUI does not know it.

    Raises:
        InputError: the file cannot be read.
    """
    found = shapes(path)
    prefix = comfy.model_detection.unet_prefix_from_state_dict(found)
    if not any(name.startswith(prefix) for name in found):
        prefix = ""  # a file of UNETLoader's
    config = comfy.model_detection.model_config_from_unet(found, prefix, metadata=metadata(path))
    if config is None:
        return None
    config.custom_operations = comfy.ops.disable_weight_init
    config.set_inference_dtype(torch.float16, None)
    return config.get_model(found, prefix, device="meta")


def half_bytes(net: torch.nn.Module) -> float:
    """Bytes of a net's weights in half precision."""
    return float(sum(value.numel() for value in net.parameters()) * 2)


def held_bytes(found: Shapes) -> float:
    """Bytes of a file's weights as ComfyUI holds them: in half precision, or smaller where the file is."""
    return float(sum(value.numel() * min(value.element_size(), 2) for value in found.values()))
