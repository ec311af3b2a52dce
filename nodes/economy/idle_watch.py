"""Lets go of weights when ComfyUI's queue has been empty for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import comfy.model_management as management

from ..host.settings import settings
from ..metering.meter import Clock
from .idle_timer import Action, IdleDelays, IdleTimer

logger = logging.getLogger(__name__)

_LOOK_EVERY = 0.5  # seconds
_FLAGS = {"unload": "unload_models", "free": "free_memory"}


def idle_delays() -> IdleDelays:
    """When the owner wants to let go of what."""
    chosen = settings()
    return IdleDelays(chosen.idle_minutes * 60, chosen.idle_free_minutes * 60, chosen.idle_exit_minutes * 60)


class WhileIdle:
    """A flag of ComfyUI's queue that holds only if no work has come by the time the queue's thread reads it.

    The thread reads flags after it has run what it found in the queue, so a flag that is simply true would take the
    weights from under prompts that came in the meantime.

    Args:
        queue: ComfyUI's ``PromptQueue``.
        work: prompts that had begun when the flag was set.
        then: called on the queue's thread if the flag holds.
    """

    def __init__(self, queue: Any, work: int, then: Callable[[], None]) -> None:
        self._queue, self._work, self._then = queue, work, then

    def __bool__(self) -> bool:
        holds = look_at(self._queue) == (False, self._work)
        if holds:
            self._then()
        return holds


def look_at(queue: Any) -> tuple[bool, int]:
    """Whether something runs or waits in a ``PromptQueue``, and how many prompts have begun so far."""
    with queue.mutex:
        return bool(queue.queue or queue.currently_running), queue.task_counter


class IdleWatch:
    """Looks at the queue now and then, and sets its flags when something is due.

    Args:
        queue: ComfyUI's ``PromptQueue``.
        delays: asked at every look, so that a change of the settings holds at once.
        is_expected: whether there is work that is not in the queue yet, such as jobs that wait for others like them.
    """

    def __init__(
        self,
        queue: Any,
        delays: Callable[[], IdleDelays],
        is_expected: Callable[[], bool] = lambda: False,
        clock: Clock = time.monotonic,
    ) -> None:
        self._queue, self._delays, self._is_expected = queue, delays, is_expected
        self._timer = IdleTimer(clock)
        self.unloaded = 0
        """How often weights were let go."""

    def look(self) -> Action | None:
        """Do what is due, and see that what is asked of an idle queue is done.

        Returns:
            What that was. ``"exit"`` is left to the caller.
        """
        delays, is_expected = self._delays(), self._is_expected()
        with self._queue.mutex:
            busy, work = look_at(self._queue)
            self._timer.observe(busy or is_expected, work)
            action = self._timer.due(delays)
            name = _FLAGS.get(action or "")
            if name and name not in self._queue.flags:  # else someone has asked for it already
                self._queue.set_flag(name, WhileIdle(self._queue, work, self._note))
            if self._queue.flags and not busy:
                # Whoever set them may have done so while the queue's thread tidied up: it would sleep on for minutes.
                self._queue.not_empty.notify()
        return action

    def seconds(self) -> float:
        """Seconds without work."""
        return self._timer.seconds

    def left(self) -> float | None:
        """Seconds until weights are let go; ``None`` if that is off or done."""
        return self._timer.left(self._delays())

    def _note(self) -> None:
        held = len(management.current_loaded_models)
        if held:
            self.unloaded += 1
            logger.info("idle for %.0f s: %d models are unloaded", self._timer.seconds, held)

    async def run(self, exit_code: Callable[[], int]) -> None:
        """Look until the server stops.

        Raises:
            SystemExit: it is time to leave; ComfyUI ends with the exit code.
        """
        while True:
            try:
                action = self.look()
            except Exception:  # a queue of another ComfyUI: better no unloading than no server
                logger.exception("idle models are not unloaded any more")
                return
            if action == "exit":
                logger.info("idle for %.0f s: leaving", self._timer.seconds)
                raise SystemExit(exit_code())
            await asyncio.sleep(_LOOK_EVERY)
