"""Where the seconds of one run go."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass
class StageCost:
    """What one node of a run has cost so far."""

    stage: str
    device: str
    seconds: float = 0.0
    frames: int = 0
    cached: bool = False


class Meter:
    """Exclusive seconds per stage of one run.

    Stages nest: a stream that is saved pulls frames through interpolation, which pulls them from the
    decoder. While an inner stage works the outer one is paused, so the seconds add up to the whole.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._costs: dict[str, StageCost] = {}
        self._running: list[StageCost] = []
        self._since = 0.0

    @property
    def costs(self) -> dict[str, StageCost]:
        """Costs by node id, in the order in which the nodes first worked."""
        return dict(self._costs)

    @contextmanager
    def stage(self, node_id: str, name: str, device: str) -> Iterator[StageCost]:
        """Charge the time inside the ``with`` to a node, and pause the stage around it."""
        cost = self._costs.setdefault(node_id, StageCost(name, device))
        self._charge()
        self._running.append(cost)
        try:
            yield cost
        finally:
            self._charge()
            self._running.pop()

    def _charge(self) -> None:
        now = self._clock()
        if self._running:
            self._running[-1].seconds += now - self._since
        self._since = now


class Ledger:
    """The meters of the last ``limit`` runs, by prompt id."""

    def __init__(self, limit: int = 32, clock: Clock = time.perf_counter) -> None:
        self._limit, self._clock = limit, clock
        self._meters: OrderedDict[str, Meter] = OrderedDict()

    def meter(self, run: str) -> Meter:
        """The meter of a run, made on first use; the oldest run is forgotten past the limit."""
        if run not in self._meters:
            self._meters[run] = Meter(self._clock)
            while len(self._meters) > self._limit:
                self._meters.popitem(last=False)
        return self._meters[run]
