"""Results from an accelerator into the CPU's ordinary memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

PIECE = 8 * 2**20
"""Bytes that travel at once."""

Send: TypeAlias = Callable[[Tensor, Tensor], Callable[[], None]]
"""Begins to copy numbers into a part of a buffer, in the order in which it is called, and gives what waits until they
are there."""


@dataclass(frozen=True)
class Lane:
    """By which pieces leave a device.

    Attributes:
        buffers: two rows of ``PIECE`` bytes on the CPU.
        send: into them.
    """

    buffers: Tensor
    send: Send


def read_back(source: Tensor, target: Tensor, *, pins: bool) -> None:
    """Copy a tensor from its device into one on the CPU, as ``target.copy_(source)`` does.

    From a CUDA device that alone is slow: the driver stages ordinary memory by itself, and one thread touches all pages
    of a new ``target``. So pieces travel through page-locked memory, and PyTorch's threads write one of them into
    ``target`` while the next is under way.

    Args:
        source: of any layout, which is changed on its own device: a CPU is slow at that.
        target: of the same shape.
        pins: whether page-locked memory may be used. Where there is none, it is done without.
    """
    lane = lane_from(source.device) if pins and target.is_contiguous() else None
    if lane is None:
        _at_once(source, target)
    else:
        in_pieces(source.contiguous().view(-1), target.view(-1), lane.buffers.view(source.dtype), lane.send)


def lane_from(device: torch.device) -> Lane | None:
    """Through page-locked memory; ``None`` where ``device`` has no use for it, or the system refuses it.

    The buffers are made anew each time: PyTorch keeps page-locked memory that is given back, and gives it to nobody
    while a copy into it is under way.
    """
    if device.type != "cuda":
        return None
    try:
        return Lane(torch.empty(2, PIECE, dtype=torch.uint8, pin_memory=True), _sent)
    except RuntimeError:
        return None


def in_pieces(source: Tensor, target: Tensor, buffers: Tensor, send: Send) -> None:
    """Copy numbers through two buffers that take turns.

    Args:
        source, target: of one dimension.
        buffers: two rows of the type of ``source``.
        send: into them.
    """
    size = buffers.shape[1]
    before: tuple[Callable[[], None], Tensor, Tensor] | None = None
    for number, first in enumerate(range(0, len(source), size)):
        piece = source[first : first + size]
        buffer = buffers[number % 2, : len(piece)]  # what it held is in the target since the last turn
        arrived = send(piece, buffer)
        if before is not None:
            _write(*before)
        before = arrived, buffer, target[first : first + size]
    if before is not None:
        _write(*before)


def _write(arrived: Callable[[], None], buffer: Tensor, target: Tensor) -> None:
    arrived()
    target.copy_(buffer)


def _at_once(source: Tensor, target: Tensor) -> None:
    """Numbers of another type travel as they are, and the CPU changes them.

    CUDA does so by itself. Where others change the type on the way some have lost numbers (on MPS: PyTorch's issues
    189563 and 197715); to change it on the device first would take memory there.
    """
    if source.device != target.device and source.dtype != target.dtype:
        source = source.contiguous().cpu()
    target.copy_(source)


def _sent(piece: Tensor, buffer: Tensor) -> Callable[[], None]:
    """Numbers of a CUDA device, behind all that its current stream does before."""
    buffer.copy_(piece, non_blocking=True)
    arrived: Callable[[], None] = torch.cuda.current_stream(piece.device).record_event().synchronize
    return arrived
