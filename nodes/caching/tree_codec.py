"""How values are stored: tensors in safetensors, everything around them as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ..storable import storable_class, stored_as


class NotStorable(TypeError):
    """A value that cannot be stored, such as a model."""


class TreeCodec:
    """Nested lists, tuples and dicts of tensors, arrays, plain values, and objects of ``Storable`` classes.

    Everything comes back exactly, in its own type and without pickle; what would not is refused.

    Args:
        bags: classes of others that are nothing but their attributes, as ``module.Class``; a module is imported when
            one of its objects is read.
    """

    def __init__(self, bags: Collection[str] = ()) -> None:
        self._bags = frozenset(bags)

    def save(self, value: Any, path: Path) -> None:
        """Write a value.

        Raises:
            NotStorable: it holds something else.
            safetensors.SafetensorError, OSError: it cannot be written.
        """
        tensors: dict[str, torch.Tensor] = {}
        tree = self._pack(value, tensors)
        save_file(tensors, path, metadata={"tree": json.dumps(tree)})

    def load(self, path: Path, device: str = "cpu") -> Any:
        """Read a value.

        Args:
            device: where its tensors are wanted.

        Raises:
            safetensors.SafetensorError, ValueError, KeyError, TypeError: the file is damaged.
            OSError: it cannot be read.
        """
        with safe_open(path, framework="pt", device=device) as file:
            tree = json.loads(file.metadata()["tree"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        return self._unpack(tree, tensors)

    def _pack(self, value: Any, tensors: dict[str, torch.Tensor]) -> Any:
        kind = type(value)  # of just these, for a subclass would come back as its base
        if value is None or kind in (bool, int, float, str):
            return value
        if kind in (torch.Tensor, torch.nn.Parameter):
            levels = _as_levels(value)
            if levels is not None:
                return {"levels": _added(tensors, levels)}
            return {"tensor": _added(tensors, value.detach().cpu().contiguous().clone())}
        if kind is np.ndarray:
            return {"array": _added(tensors, torch.from_numpy(value.copy()))}
        if isinstance(value, np.generic):
            return {"scalar": _added(tensors, torch.from_numpy(np.array(value)))}
        if kind in _TEXTS:
            return {kind.__name__: str(value)}
        return self._pack_group(value, tensors)

    def _pack_group(self, value: Any, tensors: dict[str, torch.Tensor]) -> Any:
        kind = type(value)
        if kind is dict and all(isinstance(key, str) for key in value):
            return {"dict": {key: self._pack(item, tensors) for key, item in value.items()}}
        if kind is dict:
            return {"items": [self._pack(item, tensors) for item in value.items()]}
        if kind in (list, tuple, torch.Size):
            return {kind.__name__: [self._pack(item, tensors) for item in value]}
        if name := stored_as(kind):
            return {"value": name, "fields": self._pack(value.to_fields(), tensors)}
        bag = f"{kind.__module__}.{kind.__qualname__}"
        if bag in self._bags:
            return {"bag": bag, "fields": self._pack(vars(value), tensors)}
        raise NotStorable(f"a {kind.__name__} cannot be cached")

    def _unpack(self, tree: Any, tensors: dict[str, torch.Tensor]) -> Any:
        if not isinstance(tree, dict):
            return tree
        kind, content = next(iter(tree.items()))
        if kind in ("value", "bag"):
            return self._object(kind, content, self._unpack(tree["fields"], tensors))
        if kind == "dict":
            return {key: self._unpack(item, tensors) for key, item in content.items()}
        if kind in _GROUPS:
            return _GROUPS[kind](self._unpack(item, tensors) for item in content)
        return _TEXTS_READ[kind](content) if kind in _TEXTS_READ else _TENSORS_READ[kind](tensors[content])

    def _object(self, kind: str, name: str, fields: dict[str, Any]) -> Any:
        if kind == "value":
            return storable_class(name).from_fields(fields)
        if name not in self._bags:
            raise ValueError(f"no {name} is known")
        module, _, class_name = name.rpartition(".")
        cls = getattr(import_module(module), class_name)
        found = cls.__new__(cls)
        vars(found).update(fields)
        return found


def _added(tensors: dict[str, torch.Tensor], tensor: torch.Tensor) -> str:
    tensors[name := str(len(tensors))] = tensor
    return name


_TEXTS = (Fraction, torch.dtype)
_TEXTS_READ: Mapping[str, Callable[[str], Any]] = {
    "Fraction": Fraction,
    "dtype": lambda text: getattr(torch, text.removeprefix("torch.")),
}
_TENSORS_READ: Mapping[str, Callable[[torch.Tensor], Any]] = {
    "tensor": lambda tensor: tensor,
    "levels": lambda levels: levels.float().div_(255),
    "array": lambda tensor: tensor.cpu().numpy(),
    "scalar": lambda tensor: tensor.cpu().numpy()[()],
}
_GROUPS: Mapping[str, Callable[[Iterable[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "Size": torch.Size,
    "items": dict,
}


def _as_levels(value: torch.Tensor) -> torch.Tensor | None:
    """Pictures ``(n, h, w, c)`` of 256 levels as bytes, a quarter of the size, if they come back to the last bit."""
    if value.dtype != torch.float32 or value.ndim != 4 or value.shape[-1] > 4 or value.numel() == 0:
        return None
    value = value.detach().cpu()
    if not torch.equal((value[:1] * 255).round() / 255, value[:1]):
        return None
    levels = (value * 255).round().clamp(0, 255).to(torch.uint8)
    return levels.contiguous() if torch.equal(levels.float() / 255, value) else None
