"""Seconds and memory of work on the card."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import torch

from .._compare import in_turns


@dataclass(frozen=True)
class Timing:
    """What some work took.

    Attributes:
        peak_bytes: at most in tensors on the card, weights and all; 0 without a card.
    """

    seconds: float
    peak_bytes: int


def synchronise() -> None:
    """Wait until the card has done all that it was told; does nothing before it was first used."""
    if _in_use():
        torch.cuda.synchronize()


def timed(work: Callable[[], object]) -> Timing:
    """Time ``work`` once, from an idle card to an idle card."""
    synchronise()
    if _in_use():
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    work()
    synchronise()
    seconds = time.perf_counter() - started
    return Timing(seconds, torch.cuda.max_memory_allocated() if _in_use() else 0)


def side_by_side(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Time several works in turns, see ``in_turns``; of each the median of its seconds and the most of its memory."""
    return {
        name: Timing(median(one.seconds for one in timings), max(one.peak_bytes for one in timings))
        for name, timings in in_turns(works, rounds, timed).items()
    }


def memory_in_use() -> int:
    """Bytes in tensors on the card."""
    return torch.cuda.memory_allocated() if _in_use() else 0


def times_out_of_memory() -> int:
    """How often PyTorch has run out of the card's memory so far."""
    return int(torch.cuda.memory_stats()["num_ooms"]) if _in_use() else 0


@contextmanager
def little_memory(room: int) -> Iterator[None]:
    """Meanwhile PyTorch may take no more than ``room`` bytes of the card beside those in use; nobody else is told."""
    _limit(room)
    try:
        yield
    finally:
        _limit(None)


def _limit(room: int | None) -> None:
    if not _in_use():
        return
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    share = 1.0 if room is None else (torch.cuda.memory_reserved() + room) / total
    torch.cuda.set_per_process_memory_fraction(min(share, 1.0))


def _in_use() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
