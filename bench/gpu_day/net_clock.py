"""How long a net itself works, in all that goes on around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from .timing import synchronise


class NetClock:
    """Seconds that have passed inside of nets."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def start(self, *_: object) -> None:
        """A net is called."""
        synchronise()
        self._started = time.perf_counter()

    def stop(self, *_: object) -> None:
        """It has done its work."""
        synchronise()
        self.seconds += time.perf_counter() - self._started


@contextmanager
def clock_on(*nets: nn.Module) -> Iterator[NetClock]:
    """A clock that runs while one of the nets is called; none of them calls another.

    The card is idle before and after each call, so that all together takes a little longer than without a clock.
    """
    clock = NetClock()
    hooks = [net.register_forward_pre_hook(clock.start) for net in nets]
    hooks += [net.register_forward_hook(clock.stop) for net in nets]
    try:
        yield clock
    finally:
        for hook in hooks:
            hook.remove()
