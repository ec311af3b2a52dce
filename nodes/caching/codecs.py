"""How values are stored: tensors in safetensors, everything around them as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file


@runtime_checkable
class Storable(Protocol):
    """A value of the pack that knows how to be stored."""

    def to_fields(self) -> dict[str, Any]:
        """Its content as numbers, texts, lists and arrays."""
        ...

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Any:
        """The value again."""
        ...


class NotStorable(TypeError):
    """A value that cannot be stored, such as a model."""


class TreeCodec:
    """Nested lists, tuples and dicts of tensors, arrays, plain values and ``Storable`` ones: exact, without pickle.

    Args:
        classes: the ``Storable`` classes by the name they are stored under.
    """

    def __init__(self, classes: Mapping[str, type[Storable]]) -> None:
        self._classes = dict(classes)
        self._names = {cls: name for name, cls in classes.items()}

    def save(self, value: Any, path: Path) -> None:
        """Write a value.

        Raises:
            NotStorable: it holds something else.
        """
        tensors: dict[str, torch.Tensor] = {}
        tree = self._pack(value, tensors)
        save_file(tensors, path, metadata={"tree": json.dumps(tree)})

    def load(self, path: Path) -> Any:
        """Read a value.

        Raises:
            safetensors.SafetensorError, ValueError, KeyError, TypeError: the file is damaged.
            OSError: it cannot be read.
        """
        with safe_open(path, framework="pt") as file:
            tree = json.loads(file.metadata()["tree"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        return self._unpack(tree, tensors)

    def _pack(self, value: Any, tensors: dict[str, torch.Tensor]) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, torch.Tensor):
            levels = _as_levels(value)
            tensors[name := str(len(tensors))] = value.detach().cpu().contiguous().clone() if levels is None else levels
            return {"tensor": name} if levels is None else {"levels": name}
        if isinstance(value, np.ndarray):
            tensors[name := str(len(tensors))] = torch.from_numpy(value.copy())
            return {"array": name}
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {"dict": {key: self._pack(item, tensors) for key, item in value.items()}}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__: [self._pack(item, tensors) for item in value]}
        if type(value) in self._names:
            return {"value": self._names[type(value)], "fields": self._pack(value.to_fields(), tensors)}
        raise NotStorable(f"a {type(value).__name__} cannot be cached")

    def _unpack(self, tree: Any, tensors: dict[str, torch.Tensor]) -> Any:
        if not isinstance(tree, dict):
            return tree
        if "tensor" in tree:
            return tensors[tree["tensor"]]
        if "levels" in tree:
            return tensors[tree["levels"]].float().div_(255)
        if "array" in tree:
            return tensors[tree["array"]].numpy()
        if "dict" in tree:
            return {key: self._unpack(item, tensors) for key, item in tree["dict"].items()}
        if "value" in tree:
            return self._classes[tree["value"]].from_fields(self._unpack(tree["fields"], tensors))
        if "list" in tree:
            return [self._unpack(item, tensors) for item in tree["list"]]
        return tuple(self._unpack(item, tensors) for item in tree["tuple"])


def _as_levels(value: torch.Tensor) -> torch.Tensor | None:
    """Pictures ``(n, h, w, c)`` of 256 levels as bytes, a quarter of the size, if they come back to the last bit."""
    if value.dtype != torch.float32 or value.ndim != 4 or value.shape[-1] > 4 or value.numel() == 0:
        return None
    value = value.detach().cpu()
    if not torch.equal((value[:1] * 255).round() / 255, value[:1]):
        return None
    levels = (value * 255).round().clamp(0, 255).to(torch.uint8)
    return levels.contiguous() if torch.equal(levels.float() / 255, value) else None
