"""What a worker is, as it tells the gateway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..graph import Node, Prompt

MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".task", ".pkl")
"""Endings of files with weights."""


@dataclass(frozen=True)
class About:
    """What a worker is, and what it holds.

    Attributes:
        worker: its name, of which there is no second one, also after a restart.
        node: the machine in Ray's words.
        pack, comfyui: their versions.
        card: the GPU as its driver names it, or ``"cpu"``.
        price: dollars per hour.
        memory, free_memory: bytes of the GPU.
        models: names of the files with weights in ComfyUI's folders, with ``/``.
        loaded: of these, what the last batch has named, as long as ComfyUI holds weights.
        cold_seconds: from its start until it was ready.
        comfyui_seconds: of these, what ComfyUI took.
        up_seconds: since then, by its own steady clock: clocks of machines are never compared.
    """

    worker: str
    node: str = ""
    pack: str = ""
    comfyui: str = ""
    card: str = "cpu"
    price: float = 0.0
    memory: int = 0
    free_memory: int = 0
    models: frozenset[str] = frozenset()
    loaded: frozenset[str] = frozenset()
    cold_seconds: float = 0.0
    comfyui_seconds: float = 0.0
    up_seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "models": sorted(self.models), "loaded": sorted(self.loaded)}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> About:
        """From JSON. What it does not know, as of a newer version, is passed over.

        Raises:
            TypeError: there is no name.
        """
        known: dict[str, Any] = {field.name: given[field.name] for field in fields(cls) if field.name in given}
        for name in ("models", "loaded"):
            known[name] = frozenset(given.get(name, ()))
        return cls(**known)


def is_model(name: str) -> bool:
    """Whether a file may hold weights, by its name."""
    return name.lower().endswith(MODEL_SUFFIXES)


def models_named(prompt: Prompt, counts: Callable[[Node, str], bool]) -> frozenset[str]:
    """The files with weights that the nodes of a prompt name, with ``/``.

    Args:
        counts: whether an input of a node, by its name, may name one; a text may end as a file does.
    """
    texts = (
        value
        for node in prompt.values()
        for name, value in node["inputs"].items()
        if isinstance(value, str) and is_model(value) and counts(node, name)
    )
    return frozenset(text.replace("\\", "/") for text in texts)
