"""Whose fault it is that a run has failed, where another worker could do it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from .job import Trouble
from .outcome import Ended

MOST_WORKERS = 3
"""A job that has failed as many workers is not given to another one."""

_BROKEN = re.compile(
    r"no space left on device"  # ENOSPC, as Python, FFmpeg and safetensors say it
    r"|disk quota exceeded|read-only file system|\binput/output error"
    r"|\b(cuda|hip) error\b|\b(cudnn|cublas)_status|device-side assert|no cuda gpus are available|\bnvml(_|:|init)",
    re.IGNORECASE,
)
_OF_INPUTS = ("InputError", "FileNotFoundError", "UnidentifiedImageError", "ValueError", "KeyError", "TypeError")
"""Errors that say what is wrong with an input, and often quote it: a clip may be named "CUDA error.mp4"."""
_MEMORY = "out of memory"
"""Of the GPU's too: a matter of how large the batch is."""


def worker_fault(ended: Ended) -> Literal["", "lacks", "broken"]:
    """Whether a run has failed for reasons of the machine that it was on; empty if it would fail anywhere.

    A prompt that is refused has been accepted elsewhere, by the gateway.
    """
    if ended.status == "refused":
        return "lacks"
    if ended.status != "error" or ended.kind.rpartition(".")[2] in _OF_INPUTS or _MEMORY in ended.error.lower():
        return ""
    return "broken" if _BROKEN.search(ended.error) else ""


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
