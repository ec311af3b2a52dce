"""Work beside the runs: it belongs to none of them, and none must notice it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from comfy.model_management import InterruptProcessingException, throw_exception_if_processing_interrupted

Cancelled = InterruptProcessingException
"""What nodes raise when the user has cancelled the run."""

_beside = ContextVar("frugal-motion beside the runs", default=False)


@contextmanager
def background_work() -> Iterator[None]:
    """What this thread does inside shows nothing on nodes, and is not stopped by who cancels a run."""
    token = _beside.set(True)
    try:
        yield
    finally:
        _beside.reset(token)


def in_background() -> bool:
    """Whether this thread works beside the runs."""
    return _beside.get()


def check_cancelled() -> None:
    """Stop if the user has cancelled the run that this thread works for.

    ComfyUI's own check takes the wish back as it obeys, so it must be the run that asks.

    Raises:
        comfy.model_management.InterruptProcessingException: the user has.
    """
    if not in_background():
        throw_exception_if_processing_interrupted()
