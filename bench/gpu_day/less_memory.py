"""A card with less memory than a batch takes, so that it really runs out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.host.models import OutOfMemory, release_cached_memory

from .timing import Timing


class InBatches(Accelerator):
    """Takes batches as a card does, whatever it is."""

    @property
    def is_cpu(self) -> bool:
        """Never."""
        return False


def in_batches(on: Accelerator, too_large: Callable[[], None]) -> InBatches:
    """The same device.

    Args:
        on: of a model.
        too_large: is called whenever a batch was.
    """

    def release() -> None:
        too_large()
        on.release()

    return InBatches(**{field.name: getattr(on, field.name) for field in fields(on)} | {"release": release})


@contextmanager
def less_memory(net: nn.Module, rows: int, plenty: Timing, *, pretend: bool) -> Iterator[None]:
    """Meanwhile there is room for little more than half of a batch.

    Args:
        net: at work, on the device.
        rows: of the batch.
        plenty: what that batch took when there was room for it.
        pretend: there is no card: the net says itself that it is out of memory, at more than half of the rows.
    """
    release_cached_memory()
    most = rows // 2 if pretend else rows

    def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(inputs[0]) > most:
            raise OutOfMemory(f"{len(inputs[0])} rows do not fit")

    hook = net.register_forward_pre_hook(before)
    set_limit = _no_limit if pretend else torch.cuda.set_per_process_memory_fraction
    set_limit(limit_for(plenty.peak_bytes, *_at_rest()))
    try:
        yield
    finally:
        set_limit(1.0)
        hook.remove()


def limit_for(peak: int, rest: int, total: int) -> float:
    """Of a card's memory the share by which there is room for 0.6 of the work.

    Args:
        peak: bytes during the work.
        rest: bytes that weights take.
        total: bytes of the card.
    """
    return min((rest + 0.6 * max(peak - rest, 0)) / total, 1.0)


def _at_rest() -> tuple[int, int]:
    return (torch.cuda.memory_reserved(), torch.cuda.mem_get_info()[1]) if torch.cuda.is_initialized() else (0, 1)


def _no_limit(share: float) -> None:
    """There is no card."""
