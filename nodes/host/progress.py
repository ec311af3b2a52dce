"""Progress bars, the cancel button, and words on a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

import comfy.utils
import latent_preview
import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy_execution.utils import get_executing_context
from server import PromptServer

T = TypeVar("T", bound=Sized)


class Progress:
    """The progress bar on the node that is executing; every step is a chance to cancel.

    Args:
        total: steps that make the bar full.
    """

    def __init__(self, total: int) -> None:
        self._bar = comfy.utils.ProgressBar(max(total, 1))

    def step(self, steps: int = 1) -> None:
        """Advance the bar.

        Raises:
            comfy.model_management.InterruptProcessingException: the user has cancelled.
        """
        throw_exception_if_processing_interrupted()
        self._bar.update(steps)


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
        self._done = 0

    def __call__(self, step: int, denoised: torch.Tensor, noisy: torch.Tensor, steps: int) -> None:
        throw_exception_if_processing_interrupted()
        self._done += len(denoised)
        preview = self._previewer and self._previewer.decode_latent_to_preview_image("JPEG", denoised)
        self._bar.update_absolute(self._done, preview=preview)


def show_on_node(text: str) -> None:
    """Show a few words on the node that is executing, in the editor that posted the run."""
    context = get_executing_context()
    server = getattr(PromptServer, "instance", None)  # there is none without a server, as in tests
    if context and server:
        server.send_progress_text(text, context.node_id, server.client_id)
