"""A card with less and less memory, until it really runs out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.host.models import OutOfMemory

from .likeness import LEAST_DB, psnr
from .measurement import Measurement
from .timing import Timing, little_memory, memory_in_use, timed


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


SHARES = (0.6, 0.4, 0.25)
"""Of the memory that a batch takes: what is left of it. cuDNN may first do with less, by slower ways."""


def until_too_large(
    work: Callable[[], object], net: nn.Module, rows: int, too_large: Sequence[object], *, pretend: bool
) -> float:
    """Do some work with less and less memory, until a batch has been too large.

    Args:
        work: does a batch of ``rows`` rows if it can, as it just did; its weights are on the device.
        net: at work.
        too_large: grows when a batch is.
        pretend: there is no card: the net says itself that it is out of memory, at more than a share of the rows.

    Returns:
        What was left of the memory that the batch takes.
    """
    plenty = timed(work)
    for share in SHARES:
        with _less_memory(share, plenty, net, rows, pretend):
            work()
        if too_large:
            break
    return share


def found(name: str, times: int, share: float, plenty: Any, less: Any) -> Iterator[Measurement]:
    """What became of a batch that was too large.

    Args:
        name: of the measurements.
        times: it was too large.
        share: see ``until_too_large``.
        plenty, less: its frames, uint8, with and without the memory that it takes.
    """
    note = f"a batch of {len(plenty)} frames in {share:g} of the memory that it takes"
    yield Measurement(f"{name}.out_of_memory.times", times, "", 1.0, "higher", note)
    likeness = psnr(torch.from_numpy(plenty) / 255, torch.from_numpy(less) / 255)
    yield Measurement(f"{name}.out_of_memory.psnr_to_plenty", likeness, "dB", LEAST_DB, "higher")


@contextmanager
def _less_memory(share: float, plenty: Timing, net: nn.Module, rows: int, pretend: bool) -> Iterator[None]:
    most = share * rows if pretend else rows

    def before(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(inputs[0]) > most:
            raise OutOfMemory(f"{len(inputs[0])} rows do not fit")

    hook = net.register_forward_pre_hook(before)
    try:
        with little_memory(round(share * (plenty.peak_bytes - memory_in_use()))):
            yield
    finally:
        hook.remove()
