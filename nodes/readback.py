"""Results from an accelerator into the CPU's ordinary memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PIECE = 8 * 2**20
"""Bytes that travel at once."""


def read_back(source: Tensor, target: Tensor, *, pins: bool) -> None:
    """Copy a tensor from its device into one on the CPU, as ``target.copy_(source)`` does.

    From a CUDA device that alone is slow: the driver stages ordinary memory by itself, and one thread touches all pages
    of a new ``target``. So pieces travel through page-locked memory, and PyTorch's threads write one of them into
    ``target`` while the next is under way. The buffers are made anew each time: PyTorch keeps page-locked memory that
    is given back, and gives it to nobody while a copy into it is under way.

    Args:
        source: of any layout, which is changed on its own device: a CPU is slow at that.
        target: of the same shape.
        pins: whether page-locked memory may be used. Where there is none, it is done without.
    """
    buffers = _page_locked() if pins and source.device.type == "cuda" and target.is_contiguous() else None
    if buffers is None:
        target.copy_(source)
    else:
        in_pieces(source.contiguous().view(-1), target.view(-1), buffers.view(source.dtype), _sent)


def in_pieces(
    source: Tensor, target: Tensor, buffers: Tensor, send: Callable[[Tensor, Tensor], Callable[[], None]]
) -> None:
    """Copy numbers through two buffers that take turns.

    Args:
        source, target: of one dimension.
        buffers: two rows of the type of ``source``.
        send: begins to copy numbers into a part of a buffer, in the order in which it is called, and gives what waits
            until they are there.
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


def _page_locked() -> Tensor | None:
    """Two buffers of bytes; ``None`` where the system refuses them."""
    try:
        return torch.empty(2, PIECE, dtype=torch.uint8, pin_memory=True)
    except RuntimeError:
        return None


def _sent(piece: Tensor, buffer: Tensor) -> Callable[[], None]:
    """Numbers of a CUDA device, behind all that its current stream does before."""
    buffer.copy_(piece, non_blocking=True)
    arrived: Callable[[], None] = torch.cuda.current_stream(piece.device).record_event().synchronize
    return arrived
