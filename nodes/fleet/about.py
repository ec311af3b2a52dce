"""What a worker is, as it tells the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

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


def models_named(prompt: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The files with weights that the nodes of a prompt name, with ``/``."""
    texts = (value for node in prompt.values() for value in node["inputs"].values() if isinstance(value, str))
    return frozenset(text.replace("\\", "/") for text in texts if text.lower().endswith(MODEL_SUFFIXES))
