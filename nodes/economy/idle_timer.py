"""When a machine without work lets go of what it holds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..metering.meter import Clock

Action: TypeAlias = Literal["unload", "free", "exit"]
_STRONGEST_FIRST: tuple[Action, ...] = ("exit", "free", "unload")  # each does what those behind it do


@dataclass(frozen=True)
class IdleDelays:
    """Seconds without work; 0 is never.

    Attributes:
        unload: after which weights leave the GPU.
        free: after which what nodes have left in RAM goes too.
        exit: after which the process ends, for a supervisor that starts machines on demand.
    """

    unload: float = 300.0
    free: float = 0.0
    exit: float = 0.0


class IdleTimer:
    """Tells what is due, each action once in a time without work.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = clock()
        self._work = 0
        self._done: set[Action] = set()

    def observe(self, busy: bool, work: int) -> None:
        """Look at the queue.

        Args:
            busy: something runs or waits.
            work: how many prompts have begun so far; one may have come and gone between two looks.
        """
        if busy or work != self._work:
            self._since, self._work = (None if busy else self._clock()), work
            self._done.clear()
        elif self._since is None:
            self._since = self._clock()

    @property
    def seconds(self) -> float:
        """Seconds without work; 0 while there is some."""
        return 0.0 if self._since is None else max(self._clock() - self._since, 0.0)

    def due(self, delays: IdleDelays) -> Action | None:
        """The strongest action whose time has come; it and what it includes are not due again."""
        if self._since is None:
            return None
        for place, action in enumerate(_STRONGEST_FIRST):
            delay: float = getattr(delays, action)
            if delay > 0 and self.seconds >= delay and action not in self._done:
                self._done.update(_STRONGEST_FIRST[place:])
                return action
        return None

    def left(self, delays: IdleDelays) -> float | None:
        """Seconds until weights leave the GPU if no work comes; ``None`` if they do not, or have already."""
        waits = [delay for delay in (delays.unload, delays.free) if delay > 0]
        if self._since is None or not waits or "unload" in self._done:
            return None
        return max(min(waits) - self.seconds, 0.0)
