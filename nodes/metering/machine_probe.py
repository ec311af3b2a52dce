"""What the machine that ComfyUI runs on has spent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import torch

from .meter import Reading

logger = logging.getLogger(__name__)

_ENERGY_EVERY = 0.1  # seconds; the counter itself moves about as often


class MachineProbe:
    """Reads clocks, and on an NVIDIA or AMD GPU its memory, its work and, where NVML tells it, its energy."""

    def __init__(self) -> None:
        self._energy: Energy | None = None

    def __call__(self) -> Reading:
        if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            return Reading(time.perf_counter(), time.process_time())
        self._energy = self._energy or Energy(nvml_counter())
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        peak = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return Reading(time.perf_counter(), time.process_time(), self._energy(), peak, event)


class Energy:
    """Joules that the GPU has used, asked of a counter now and then.

    Args:
        counter: gives joules, or ``None`` if there is no counter (any more).
    """

    def __init__(self, counter: Callable[[], float | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._counter, self._clock = counter, clock
        self._joules: float | None = 0.0
        self._asked = -_ENERGY_EVERY

    def __call__(self) -> float:
        """0 where it is not known."""
        now = self._clock()
        if self._joules is not None and now - self._asked >= _ENERGY_EVERY:
            self._joules, self._asked = self._counter(), now
        return self._joules or 0.0


def nvml_counter() -> Callable[[], float | None]:
    """NVML's energy counter of ComfyUI's GPU, if ``nvidia-ml-py`` is installed and the card has one."""
    try:
        import pynvml  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return lambda: None
    uuid = f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}"

    def joules() -> float | None:
        try:
            handle: Any = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
        except pynvml.NVMLError as error:  # an old card, a virtual one, a driver that has gone
            logger.info("the GPU's energy is not known: %s", error)
            return None

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        logger.info("NVML cannot be used: %s", error)
        return lambda: None
    return joules
