"""What an edit will take, before it runs: FLOPs, seconds and dollars, beside the naive way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

from ..economy.prices import check_price
from .edit_work import CPU_STAGES, GPU_STAGES, NO_LIMIT, Edit, Nets, Rows, StageWork, cpu_frames, rows, savings, work
from .throughput import SURE, Source, Throughput

MEMORY_MARGIN = 1.5
"""The sampler's own margin on ComfyUI's estimate of a row's memory."""

SHARE_OF_MEMORY = 0.9
"""What of a card's memory is left for a job: driver, context and desktop take the rest."""

GIGABYTE = 1e9


@dataclass(frozen=True)
class Machine:
    """Where the job runs: its speed, its rent in dollars per hour, and its memory in bytes (0: not known).

    Raises:
        InputError: a price that cannot be right.
    """

    throughput: Throughput
    price: float = 0.0
    memory: float = 0.0

    def __post_init__(self) -> None:
        check_price("price", self.price)


@dataclass(frozen=True)
class StageEstimate:
    """A stage; ``None`` where something is not known, 0 seconds where a cache spares it."""

    stage: str
    device: str
    frames: int
    flops: float | None
    seconds: float | None
    cached: bool
    by: Source


@dataclass(frozen=True)
class Saving:
    """GPU seconds before and after one thing is done in the frugal way. Negative savings are what the way costs."""

    name: str
    before: float
    after: float

    @property
    def seconds(self) -> float:
        """That it saves."""
        return self.before - self.after

    @property
    def factor(self) -> float:
        """How many times as long it would take without."""
        return self.before / self.after if self.after else float("inf")


@dataclass(frozen=True)
class Estimate:
    """What is to be expected.

    Attributes:
        stages: in the order of the pipeline.
        rows: of UNet and ControlNet.
        naive_seconds: on the GPU, the naive way; ``None`` if not known.
        savings: from the naive way to this one. The seconds add up to the whole difference, the factors multiply.
        memory: bytes on the GPU at the peak of sampling, with as many frames per batch as fit.
        price: dollars per hour.
        clips: that the job edits.
        video_seconds: of them together.
    """

    stages: tuple[StageEstimate, ...]
    rows: Rows
    naive_seconds: float | None
    savings: tuple[Saving, ...]
    memory: float
    price: float
    clips: int
    video_seconds: float

    @property
    def seconds(self) -> float | None:
        """On the GPU; ``None`` if not known."""
        return _sum(stage.seconds for stage in self.stages if stage.device == "gpu")

    @property
    def dollars(self) -> float | None:
        """For the seconds on the GPU."""
        return self.dollars_of(self.seconds)

    @property
    def naive_dollars(self) -> float | None:
        """The same, the naive way."""
        return self.dollars_of(self.naive_seconds)

    @property
    def dollars_per_10_s(self) -> float | None:
        """Of video; ``None`` if not known, or where there is none."""
        return None if self.dollars is None or not self.video_seconds else self.dollars / self.video_seconds * 10

    def dollars_of(self, seconds: float | None) -> float | None:
        """Rent for some seconds."""
        return None if seconds is None else seconds * self.price / 3600

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        # ``measured`` is what earlier versions told instead of ``by``.
        return {
            "stages": [asdict(stage) | {"measured": stage.by != "table"} for stage in self.stages],
            "rows": asdict(self.rows),
            "seconds": self.seconds,
            "dollars": self.dollars,
            "dollars_per_clip": None if self.dollars is None else self.dollars / max(self.clips, 1),
            "dollars_per_10_s": self.dollars_per_10_s,
            "naive_seconds": self.naive_seconds,
            "naive_dollars": self.naive_dollars,
            "savings": [
                {"name": one.name, "seconds": one.seconds, "dollars": self.dollars_of(one.seconds)}
                for one in self.savings
            ],
            "peak_memory_bytes": self.memory,
            "price": self.price,
            "clips": self.clips,
            "video_seconds": self.video_seconds,
        }


@dataclass(frozen=True)
class OtherWork:
    """Work that belongs to no edit, such as that of ComfyUI's own samplers.

    Attributes:
        stages: what there is to do on the GPU.
        rows: of UNet and ControlNet.
        memory: bytes at the peak.
    """

    stages: Mapping[str, StageWork] = field(default_factory=dict)
    rows: Rows = field(default_factory=Rows)
    memory: float = 0.0


def estimate(job: Edit, nets: Nets, machine: Machine) -> Estimate:
    """What an edit will take on a machine."""
    return estimate_all([(job, nets)], OtherWork(), machine)


def estimate_all(edits: Sequence[tuple[Edit, Nets]], other: OtherWork, machine: Machine) -> Estimate:
    """What several edits, and what else a workflow does, will take one after the other."""
    fitting = [(job, nets, rows_that_fit(job, nets, machine)) for job, nets in edits]
    more = _other_stages(other, machine)
    seconds = _sum(stage.seconds for stage in more)
    steps = _steps_together([list(_gpu_steps(job, nets, machine)) for job, nets in edits])
    together = [(name, _sum(iter((found, seconds)))) for name, found in steps]
    stages = [stage for job, nets, fit in fitting for stage in _stages(job, nets, machine, fit)]
    return Estimate(
        stages=tuple(_merged([*stages, *more])),
        rows=sum((rows(job, fit) for job, _, fit in fitting), other.rows),
        naive_seconds=together[0][1],
        savings=tuple(_waterfall(together)),
        memory=max(other.memory, *(_peak_memory(*one) for one in fitting)),
        price=machine.price,
        clips=sum(len(job.clips) for job, _ in edits),
        video_seconds=float(sum(job.seconds for job, _ in edits)),
    )


def with_samplers(whole: Estimate, steps: Sequence[tuple[str, float | None]]) -> Estimate:
    """An estimate that also holds what is saved by settings of samplers that belong to no edit.

    Args:
        whole: naive in all but these settings.
        steps: savings, the naive way first, and GPU seconds in all; the last are those of ``whole``.
    """
    first = steps[0][1]
    if first is None or whole.naive_seconds is None or whole.seconds is None:
        return whole
    of_edits = whole.naive_seconds - whole.seconds
    savings = (*_waterfall([(name, _sum(iter((seconds, of_edits)))) for name, seconds in steps]), *whole.savings)
    return replace(whole, naive_seconds=first + of_edits, savings=savings)


def _other_stages(other: OtherWork, machine: Machine) -> list[StageEstimate]:
    speed, found = machine.throughput, []
    for name, done in other.stages.items():
        seconds = speed.seconds(name, done.flops, done.frames)
        found.append(StageEstimate(name, "gpu", done.frames, done.flops, seconds, False, speed.source(name)))
    return found


def _gpu_steps(job: Edit, nets: Nets, machine: Machine) -> Iterator[tuple[str, float | None]]:
    return ((name, gpu_seconds(step, nets, machine)) for name, step in savings(job))


def _steps_together(each: list[list[tuple[str, float | None]]]) -> Iterator[tuple[str, float | None]]:
    """The steps of the longest way, and what all edits take at each; one that has no such step stays where it was."""
    at = [steps[0][1] for steps in each]
    for name, _ in max(each, key=len):
        at = [dict(steps).get(name, before) for steps, before in zip(each, at, strict=True)]
        yield name, _sum(iter(at))


def _merged(stages: Sequence[StageEstimate]) -> Iterator[StageEstimate]:
    """Stages of one name on one device as one, in the order of the pipeline."""
    names = dict.fromkeys((stage.stage, stage.device) for stage in stages)
    *first, last = *CPU_STAGES[:-1], *GPU_STAGES, CPU_STAGES[-1]
    places = {name: place for place, name in enumerate(first)} | {last: len(first) + 1}
    for name, device in sorted(names, key=lambda one: places.get(one[0], len(first))):
        found = [stage for stage in stages if (stage.stage, stage.device) == (name, device)]
        yield (
            found[0]
            if len(found) == 1
            else StageEstimate(
                name,
                device,
                sum(stage.frames for stage in found),
                _sum(stage.flops for stage in found),
                _sum(stage.seconds for stage in found),
                all(stage.cached for stage in found),
                min((stage.by for stage in found), key=SURE.index),
            )
        )


def gpu_seconds(job: Edit, nets: Nets, machine: Machine) -> float | None:
    """Seconds on the GPU; ``None`` if not known."""
    fit = rows_that_fit(job, nets, machine)
    return _sum(stage.seconds for stage in _stages(job, nets, machine, fit) if stage.device == "gpu")


def rows_that_fit(job: Edit, nets: Nets, machine: Machine) -> int:
    """Rows of a batch on the machine, by the sampler's own rule; ``NO_LIMIT`` where its memory is not known."""
    each = _row_memory(job, nets)
    if not machine.memory or not each:
        return NO_LIMIT
    free = machine.memory * SHARE_OF_MEMORY - nets.weights
    return max(1, int(free / (each * MEMORY_MARGIN)))


def _row_memory(job: Edit, nets: Nets) -> float:
    return max((nets.row_memory(*clip.size) or 0.0 for clip in job.clips), default=0.0) if job.mode else 0.0


def _peak_memory(job: Edit, nets: Nets, fit: int) -> float:
    sampled = sum(c.plan.frame_count if job.mode == "dense" else len(c.plan.frames) for c in job.clips)
    return nets.weights + _row_memory(job, nets) * min(fit, sampled) if job.mode else 0.0


def _stages(job: Edit, nets: Nets, machine: Machine, fit: int) -> Iterator[StageEstimate]:
    speed = machine.throughput
    on_cpu = cpu_frames(job)
    for name in [name for name in on_cpu if name != "save"]:
        yield _cpu_stage(name, on_cpu[name], job, speed)
    done = work(job, nets, fit)
    for name in [name for name in GPU_STAGES if name in done]:
        cached, found = name in job.cached, done[name]
        seconds = 0.0 if cached else speed.seconds(name, found.flops, found.frames)
        if seconds is not None and job.full_precision and speed.halves:
            seconds *= 2
        yield StageEstimate(name, "gpu", found.frames, found.flops, seconds, cached, speed.source(name))
    if "save" in on_cpu:
        yield _cpu_stage("save", on_cpu["save"], job, speed)


def _cpu_stage(name: str, frames: int, job: Edit, speed: Throughput) -> StageEstimate:
    cached = name in job.cached
    seconds = 0.0 if cached else speed.cpu_seconds(name, frames)
    return StageEstimate(name, "cpu", frames, 0.0, seconds, cached, speed.source(name))


def _waterfall(steps: list[tuple[str, float | None]]) -> Iterator[Saving]:
    """What each step saves; those that change nothing are left out."""
    for (_, before), (name, after) in pairwise(steps):
        if before is not None and after is not None and before != after:
            yield Saving(name, before, after)


def _sum(values: Iterator[float | None]) -> float | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)
