"""Whose fault it is that a run has failed, where another worker could do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .job import Trouble
from .outcome import Ended

MOST_WORKERS = 3
"""A job that has failed as many workers is not given to another one."""

_BROKEN = (
    "no space left on device",  # ENOSPC, as Python, FFmpeg and safetensors say it
    "disk quota exceeded",
    "read-only file system",
    "input/output error",
    "cuda error",
    "cudnn_status",
    "cublas_status",
    "hip error",
    "device-side assert",
    "no cuda gpus are available",
    "nvml",
)
_MEMORY = "out of memory"
"""Of the GPU's too: a matter of how large the batch is."""


def worker_fault(ended: Ended) -> Literal["", "lacks", "broken"]:
    """Whether a run has failed for reasons of the machine that it was on; empty if it would fail anywhere.

    A prompt that is refused has been accepted elsewhere, by the gateway.
    """
    if ended.status == "refused":
        return "lacks"
    said = f"{ended.kind} {ended.error}".lower()
    if ended.status == "error" and _MEMORY not in said and any(words in said for words in _BROKEN):
        return "broken"
    return ""


def story(troubles: Sequence[Trouble]) -> str:
    """What a job has met so far, in words."""
    told = {"lacks": "refused by", "broken": "failed on", "killed": "ended"}
    return "; ".join(f"{told[one.kind]} {one.worker} ({one.why})" for one in troubles)


def given_up(troubles: Sequence[Trouble]) -> str:
    """Why a job is not given to another worker; empty if it may be.

    Only what it has met alone counts: with others, it may have been another's doing.
    """
    for kind in ("killed", "broken", "lacks"):
        met = [one for one in troubles if one.kind == kind and one.alone]
        if len({one.worker for one in met}) >= MOST_WORKERS:
            return f"{'quarantined: ' if kind == 'killed' else ''}{story(met)}"
    return ""
