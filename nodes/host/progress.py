"""Progress bars, the cancel button, and words on a node."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeVar

import comfy.utils
import latent_preview
import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy_execution.utils import get_executing_context
from server import PromptServer

from .background import in_background
from .frugal_node import note_rows

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Sized)

_SILENT = 5.0  # seconds before the time left is worth saying
_EVERY = 2.0


class Progress:
    """The progress bar on the node that is executing, with the time left if it takes long.

    Every step is a chance to cancel. Beside the runs there is nothing to show, and nobody to cancel.

    Args:
        total: steps that make the bar full.
    """

    def __init__(self, total: int) -> None:
        self._is_beside = in_background()
        self._bar = comfy.utils.ProgressBar(max(total, 1))
        self._time_left = TimeLeft(total)
        self._done = 0

    def step(self, steps: int = 1) -> None:
        """Advance the bar.

        Raises:
            comfy.model_management.InterruptProcessingException: the user has cancelled.
        """
        if self._is_beside:
            return
        throw_exception_if_processing_interrupted()
        self._bar.update(steps)
        self._done += steps
        self._time_left.at(self._done)


class TimeLeft:
    """Says on the node, now and then, how long work of ``total`` steps will still take."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._clock = total, clock
        self._started = clock()
        self._next = self._started + _SILENT

    def at(self, done: int) -> None:
        """So many steps are done."""
        now = self._clock()
        seconds = now - self._started
        if done <= 0 or seconds < _SILENT:
            return
        if done >= self._total:
            show_on_node(f"took {duration(seconds)}")  # always the last word
        elif now >= self._next:
            self._next = now + _EVERY
            show_on_node(f"about {duration(seconds / done * (self._total - done))} left")


def tracked(chunks: Iterable[T], total: int) -> Iterator[T]:
    """Yield chunks while a bar of ``total`` items advances by each chunk's length."""
    progress = Progress(total)
    for chunk in chunks:
        yield chunk
        progress.step(len(chunk))


class LatentProgress:
    """A sampler callback: advances the bar and shows the preview that the user's settings ask for.

    Args:
        model: ComfyUI's MODEL.
        steps: steps per batch.
        rows: rows in all batches together.
    """

    def __init__(self, model: Any, steps: int, rows: int) -> None:
        self._previewer = latent_preview.get_previewer(model.load_device, model.model.latent_format)
        self._bar = comfy.utils.ProgressBar(steps * rows)
        self._time_left = TimeLeft(steps * rows)
        self._done = 0

    def __call__(self, step: int, denoised: torch.Tensor, noisy: torch.Tensor, steps: int) -> None:
        throw_exception_if_processing_interrupted()
        self._done += len(denoised)
        note_rows(len(denoised))
        preview = self._previewer and self._previewer.decode_latent_to_preview_image("JPEG", denoised)
        self._bar.update_absolute(self._done, preview=preview)
        self._time_left.at(self._done)


def show_on_node(text: str) -> None:
    """Show a few words on the node that is executing, in the editor that posted the run."""
    context = get_executing_context()
    if context:
        _show(text, context.node_id)


class NodeNotes:
    """Notes, in the log and on the node that is executing now: what they are about may be read long after that.

    Args:
        level: of the log.
    """

    def __init__(self, level: int = logging.WARNING) -> None:
        context = get_executing_context()
        self._node_id = context.node_id if context else None
        self._level = logging.DEBUG if in_background() else level  # the run will say it
        self._texts: dict[str, str] = {}

    def __call__(self, topic: str, text: str) -> None:
        """Add a sentence; it takes the place of an earlier one on the topic."""
        logger.log(self._level, text)
        self._texts[topic] = text
        if self._node_id is not None:
            _show("\n".join(self._texts.values()), self._node_id)


def _show(text: str, node_id: str) -> None:
    server = getattr(PromptServer, "instance", None)  # there is none without a server, as in tests
    if server:
        server.send_progress_text(text, node_id, server.client_id)


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(7.4), duration(83), duration(4000)
    ('7 s', '1 min 23 s', '1 h 6 min')
    """
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
