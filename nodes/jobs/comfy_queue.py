"""Jobs on ComfyUI's own queue."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Mapping
from functools import lru_cache
from threading import Thread
from typing import Any

import comfy.model_management as management

from nodes import NODE_CLASS_MAPPINGS, interrupt_processing  # type: ignore[attr-defined]

from ..batched import Batched
from ..graph import Prompt
from ..host.frugal_node import frugal_class
from ..host.queue import UNWATCHED_CLIENT, Refused, enqueue
from ..host.settings import settings
from .batch import Batch
from .gather import Gathering
from .kinds import Batcher, Kind
from .merged_runs import merged_runs
from .outcome import Ended
from .precompute import precompute
from .workers import OnlyWorker

logger = logging.getLogger(__name__)

_LOOK_EVERY = 0.1  # seconds


def kind_of(class_type: str) -> Kind:
    """What matters of a class of nodes."""
    node_class = NODE_CLASS_MAPPINGS.get(class_type)
    makes_lists = any(getattr(node_class, "OUTPUT_IS_LIST", None) or ()) and not getattr(
        node_class, "INPUT_IS_LIST", False
    )
    reads_prompt = node_class is not None and _reads_prompt(node_class)
    ours = frugal_class(class_type)
    is_output = bool(getattr(node_class, "OUTPUT_NODE", False)) and not (ours and ours.ONLY_SHOWS)
    is_precomputable = ours is not None and ours.PRECOMPUTABLE
    return Kind(is_output, makes_lists, is_precomputable, reads_prompt, _batcher(class_type))


def _batcher(class_type: str) -> Batcher | None:
    ours = frugal_class(class_type)
    batched = ours.BATCHED if ours else _stand_in(class_type)
    return Batcher(batched.together, batched.by_job, len(batched.outputs)) if batched else None


def _stand_in(class_type: str) -> Batched | None:
    """What of ours does the work of a class that is not ours."""
    ours = filter(None, map(frugal_class, NODE_CLASS_MAPPINGS))
    return next((one.BATCHED for one in ours if one.BATCHED and class_type in one.BATCHED.stands_for), None)


@lru_cache(maxsize=1000)  # some classes look into folders to tell their inputs
def _reads_prompt(node_class: Any) -> bool:
    hidden = node_class.INPUT_TYPES().get("hidden", {})
    return any(value in ("PROMPT", ("PROMPT",)) for value in hidden.values())


def gathering() -> Gathering:
    """How the owner wants jobs to be gathered."""
    chosen = settings()
    has_gpu = management.get_torch_device().type != "cpu"
    ahead = chosen.jobs_ahead == "on" or (chosen.jobs_ahead == "auto" and has_gpu)
    return Gathering(chosen.jobs_batch, chosen.jobs_window_seconds, ahead)


class QueueMachine(OnlyWorker):
    """Runs prompts on the queue of ComfyUI's server, and listens to their events as one of its websockets would.

    Args:
        server: ComfyUI's ``PromptServer``.
    """

    def __init__(self, server: Any) -> None:
        self._server, self._queue = server, server.prompt_queue
        self._batch: Batch | None = None
        self._ahead: Thread | None = None

    async def run(self, batch: Batch) -> Ended:
        """Run a batch at its place in the queue, and tell it what happens on the way."""
        self._server.sockets[UNWATCHED_CLIENT] = self
        self._batch = batch
        try:
            with merged_runs.known(batch.run, batch.merged):  # before its first node runs, on another thread
                await enqueue(
                    self._server, copy.deepcopy(batch.merged.prompt), UNWATCHED_CLIENT, batch.run, batch.place
                )
                while self._is_there(batch.run):
                    await asyncio.sleep(_LOOK_EVERY)
            with self._queue.mutex:
                return ending(self._queue.history.get(batch.run))
        except Refused as error:
            return Ended("refused", node=next(iter(error.nodes), ""), error=error.found)
        finally:
            self._batch = None
            self._server.sockets.pop(UNWATCHED_CLIENT, None)

    async def prepare(self, prompt: Prompt) -> None:
        """Do what can be done of a prompt beside the runs; one at a time. Who stops to wait does not stop it."""
        await self._prepared()
        self._ahead = Thread(target=precompute, args=(prompt,), name="frugal-motion ahead", daemon=True)
        self._ahead.start()
        await self._prepared()

    async def _prepared(self) -> None:
        while self._ahead and self._ahead.is_alive():
            await asyncio.sleep(_LOOK_EVERY)

    def withdraw(self, batch: Batch, *, even_if_running: bool) -> bool:
        """Take a batch back if it has not begun, and tell it the place it had; or stop it."""
        with self._queue.mutex:
            place = next((item[0] for item in self._queue.queue if item[1] == batch.run), None)
            if place is not None and self._queue.delete_queue_item(lambda item: item[1] == batch.run):
                batch.place = place
                return True
            if even_if_running and any(item[1] == batch.run for item in self._queue.currently_running.values()):
                interrupt_processing()
                return True
        return False

    def _is_there(self, run: str) -> bool:
        with self._queue.mutex:
            return any(item[1] == run for item in (*self._queue.currently_running.values(), *self._queue.queue))

    async def send_json(self, message: Mapping[str, Any]) -> None:
        """What ComfyUI says to a websocket. Nothing may be raised: that would end all its talk, to everyone."""
        try:
            self._heard(message)
        except Exception:  # such as of a disk that is full; the end of the run tells all of it again
            logger.exception("jobs: an event of ComfyUI was not understood")

    def _heard(self, message: Mapping[str, Any]) -> None:
        batch, data = self._batch, message.get("data")
        if batch is None or not isinstance(data, Mapping) or data.get("prompt_id") != batch.run:
            return
        event, node = message.get("type"), data.get("node")
        if event == "execution_cached":
            batch.skipped(data.get("nodes", ()))
        elif event == "executing" and node is not None:
            batch.at(node)
        elif event == "progress" and node is not None:
            batch.at(node, data["value"], data["max"])
        elif event == "executed" and node is not None and data.get("output") is not None:
            batch.shown(node, data["output"])

    async def send_bytes(self, message: bytes) -> None:
        """Previews are for people."""


def ending(entry: Mapping[str, Any] | None) -> Ended:
    """How a prompt has ended, by its entry in the queue's history."""
    if entry is None:
        return Ended("lost")
    outputs, status = entry.get("outputs", {}), entry.get("status") or {}
    if status.get("status_str") == "success":
        return Ended("success", outputs)
    for event, data in status.get("messages", []):
        if event == "execution_error":
            message = str(data["exception_message"]).strip()
            return Ended("error", outputs, str(data["node_id"]), message, str(data["exception_type"]))
        if event == "execution_interrupted":
            return Ended("stopped", outputs)
    return Ended("lost", outputs)
