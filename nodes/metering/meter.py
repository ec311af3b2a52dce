"""Where the seconds of one run go."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

Clock: TypeAlias = Callable[[], float]


class Event(Protocol):
    """A mark in the work of a GPU, as ``torch.cuda.Event``."""

    def synchronize(self) -> None:
        """Wait until the GPU has come there."""

    def elapsed_time(self, end_event: Any, /) -> float:
        """Milliseconds between two marks that the GPU has passed."""


@dataclass(frozen=True)
class Reading:
    """What a machine has spent up to now, counted from any moment.

    Attributes:
        seconds: on the wall.
        processor_seconds: of all cores together.
        joules: of the GPU; 0 where they are not known.
        peak_bytes: most GPU memory in use since the reading before.
        event: where the GPU's work stands, if there is a GPU.
    """

    seconds: float
    processor_seconds: float = 0.0
    joules: float = 0.0
    peak_bytes: int = 0
    event: Event | None = None


Probe: TypeAlias = Callable[[], Reading]


def processor() -> Reading:
    """A machine without a GPU."""
    return Reading(time.perf_counter(), time.process_time())


@dataclass
class StageCost:
    """What one node of a run has cost so far.

    Attributes:
        stage: its title or name.
        device: where its own work is done.
        kind: its class.
        seconds: on the wall, without the stages that it waited for.
        processor_seconds: in the same time, of all cores together.
        gpu_seconds: between the GPU's own marks; 0 for work of the CPU.
        load_seconds: of ``seconds``, those in which weights were brought to the device.
        net_seconds: of ``seconds``, those of its net, where the CPU works for it too; 0 where it does not.
        joules: of the GPU; 0 where they are not known.
        peak_bytes: most GPU memory in use.
        frames: that went through it.
        rows: frames times steps that were sampled.
        calls: steps in which they were, each of a batch of frames.
        cached: a cache had the result, of all clips.
        hits: calls that a cache has answered; of a list there is a call for each clip.
        misses: calls that one could not answer.
        clips: seconds by clip, where the node was called once per clip of a list.
        shares: by clip, what part of its work was done for it, where clips were worked on together.
        offered: pictures that it could have sampled, or left to be sampled; 0 where it decides nothing.
        spared: what of them it has kept from being sampled, in whole pictures.
    """

    stage: str
    device: str
    seconds: float = 0.0
    frames: int = 0
    cached: bool = False
    kind: str = ""
    processor_seconds: float = 0.0
    gpu_seconds: float = 0.0
    load_seconds: float = 0.0
    net_seconds: float = 0.0
    joules: float = 0.0
    peak_bytes: int = 0
    rows: int = 0
    calls: int = 0
    hits: int = 0
    misses: int = 0
    clips: dict[int, float] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)
    offered: float = 0.0
    spared: float = 0.0

    @property
    def seconds_on_gpu(self) -> float:
        """Those of its net; else between the GPU's own marks, or on the wall where a GPU makes none."""
        return 0.0 if self.device in ("cpu", "-") else self.net_seconds or self.gpu_seconds or self.seconds

    @property
    def seconds_beside_net(self) -> float:
        """In which the CPU worked for a net that waited."""
        return max(self.seconds - self.net_seconds, 0.0) if self.net_seconds else 0.0

    def part(self, part: float) -> StageCost:
        """The cost of one of several clips that were worked on together: so much of all that can be divided."""
        return replace(
            self,
            seconds=self.seconds * part,
            processor_seconds=self.processor_seconds * part,
            gpu_seconds=self.gpu_seconds * part,
            load_seconds=self.load_seconds * part,
            net_seconds=self.net_seconds * part,
            joules=self.joules * part,
            frames=round(self.frames * part),
            rows=round(self.rows * part),
            offered=self.offered * part,
            spared=self.spared * part,
            clips={},
            shares={},
        )

    def add(self, before: Reading, now: Reading, clip: int | None) -> None:
        """Charge what was spent between two readings."""
        seconds = now.seconds - before.seconds
        self.seconds += seconds
        self.processor_seconds += now.processor_seconds - before.processor_seconds
        self.joules += now.joules - before.joules
        self.peak_bytes = max(self.peak_bytes, now.peak_bytes)
        if clip is not None:
            self.clips[clip] = self.clips.get(clip, 0.0) + seconds


class Meter:
    """Exclusive costs per stage of one run.

    Stages nest: a stream that is saved pulls frames through interpolation, which pulls them from the
    decoder. While an inner stage works the outer one is paused, so the seconds add up to the whole.

    Args:
        probe: reads the machine.
    """

    def __init__(self, probe: Probe = processor) -> None:
        self._probe = probe
        self._costs: dict[str, StageCost] = {}
        self._running: list[tuple[str, StageCost, int | None]] = []
        self._before = Reading(0.0)
        self._marks: dict[str, list[tuple[Event, Event]]] = defaultdict(list)

    @property
    def costs(self) -> dict[str, StageCost]:
        """Costs by node id, in the order in which the nodes first worked. Waits for the GPU."""
        for node_id, marks in self._marks.items():
            for begin, end in marks:
                end.synchronize()
                self._costs[node_id].gpu_seconds += begin.elapsed_time(end) / 1000
            marks.clear()
        for cost in self._costs.values():
            cost.cached = cost.hits > 0 and cost.misses == 0
        return dict(self._costs)

    @property
    def current(self) -> StageCost | None:
        """Of the stage that works now."""
        return self._running[-1][1] if self._running else None

    @contextmanager
    def stage(
        self, node_id: str, name: str, device: str, kind: str = "", clip: int | None = None
    ) -> Iterator[StageCost]:
        """Charge what happens inside the ``with`` to a node, and pause the stage around it.

        Args:
            clip: which clip of a list the node is called for.
        """
        cost = self._costs.setdefault(node_id, StageCost(name, device, kind=kind))
        self._charge()
        self._running.append((node_id, cost, clip))
        try:
            yield cost
        finally:
            self._charge()
            self._running.pop()

    def _charge(self) -> None:
        now = self._probe()
        if self._running:
            node_id, cost, clip = self._running[-1]
            cost.add(self._before, now, clip)
            if cost.device != "cpu" and self._before.event and now.event:
                self._marks[node_id].append((self._before.event, now.event))
        self._before = now


class Ledger:
    """The meters of the last ``limit`` runs, by prompt id."""

    def __init__(self, limit: int = 32, probe: Probe = processor) -> None:
        self._limit, self._probe = limit, probe
        self._meters: OrderedDict[str, Meter] = OrderedDict()

    def meter(self, run: str) -> Meter:
        """The meter of a run, made on first use; the oldest run is forgotten past the limit."""
        if run not in self._meters:
            self._meters[run] = Meter(self._probe)
            while len(self._meters) > self._limit:
                self._meters.popitem(last=False)
        return self._meters[run]

    def runs(self) -> list[str]:
        """The runs that are still known, the newest last."""
        return list(self._meters)

    def close(self, run: str) -> Meter | None:
        """Forget a run that has ended, and give its meter."""
        return self._meters.pop(run, None)
