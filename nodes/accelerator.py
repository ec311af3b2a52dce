"""What a stage may know of the machine that ComfyUI lends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

CPU = torch.device("cpu")


def cpu_has_bfloat16() -> bool:
    """Whether the CPU calculates in bfloat16; where it does not, that is many times slower than float32."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # newer torch
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@dataclass(frozen=True)
class Accelerator:
    """A device with one model on it. The defaults are a plain CPU; the host fills in ComfyUI's.

    Attributes:
        device, dtype: where the model runs, and in what precision.
        load: brings the model's weights to ``device`` with that many bytes left free for the work. Called
            before every batch: it is cheap when they are there, and raises when the user has cancelled.
        free_memory: bytes that a batch may use.
        out_of_memory: what ``device`` raises when a batch was too large.
        release: gives cached memory back after that.
        pins: whether results may pass through page-locked memory.
    """

    device: torch.device = CPU
    dtype: torch.dtype = torch.float32
    load: Callable[[float], None] = lambda memory: None
    free_memory: Callable[[], float] = lambda: 4e9
    out_of_memory: type[BaseException] = torch.cuda.OutOfMemoryError
    release: Callable[[], None] = lambda: None
    pins: bool = False

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"
