"""What the end of a run means for each of its jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..graph import title
from .job import Trouble
from .kinds import Kinds
from .merge import Merged

LEFT_OUT = "frugal_left_out"
"""What a sampler shows of clips that it could not take: ``{"place": …, "error": …}`` each."""

OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError", "OutOfMemory")


@dataclass(frozen=True)
class Ended:
    """How a run has ended.

    Attributes:
        status: ``refused`` if it could not begin, ``stopped`` if someone has interrupted it, ``lost`` if there is no
            trace of it any more.
        outputs: by node id, what nodes have shown: files, texts.
        node: the one that has failed, with what it said and the class of that error.
    """

    status: Literal["success", "error", "refused", "stopped", "lost"]
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    node: str = ""
    error: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Done:
    """A job has all its results."""

    outputs: list[dict[str, Any]]


@dataclass(frozen=True)
class Failed:
    """A job cannot be done."""

    error: str


@dataclass(frozen=True)
class Again:
    """A job is to run once more.

    Attributes:
        most: jobs that it may then share a prompt with; ``None`` for as many as before.
        crashed: nobody knows why: not too often, then.
    """

    most: int | None = None
    crashed: bool = False


@dataclass(frozen=True)
class Elsewhere:
    """A job is to run once more, on another worker."""

    trouble: Trouble


Verdict: TypeAlias = Done | Failed | Again | Elsewhere


def verdicts(run: Merged, ended: Ended, kinds: Kinds) -> list[Verdict]:
    """What becomes of the jobs of a run, by their place.

    A node of one job that fails takes that job alone. If the jobs' common sampler fails, or memory is short, smaller
    batches are tried, down to one. What is equal for all fails for all. Behind a sampler that has left a job out, a
    second one for all jobs is not run: the others are then tried without that job.
    """
    if ended.status == "success":
        left_out = _left_out(run, ended.outputs)

        def verdict(place: int) -> Verdict:
            if place in left_out:
                return Failed(left_out[place])
            if left_out and not is_complete(run, ended.outputs, place, kinds):
                return Again()
            return Done(outputs_of(run, ended.outputs, place, kinds))

        return [verdict(place) for place in range(run.jobs)]
    return [
        Done(outputs_of(run, ended.outputs, place, kinds))
        if is_complete(run, ended.outputs, place, kinds)
        else _incomplete(run, ended, place)
        for place in range(run.jobs)
    ]


def _incomplete(run: Merged, ended: Ended, place: int) -> Verdict:
    if ended.status in ("stopped", "lost"):
        return Again(crashed=True)
    message = f"{title(run.prompt, ended.node)}: {ended.error}" if ended.node in run.prompt else ended.error
    if run.jobs == 1:
        return Failed(message)
    owners = run.owners.get(ended.node, ())
    may_work_alone = ended.status == "refused" or ended.kind.rpartition(".")[2] in OUT_OF_MEMORY
    if len(owners) == 1:
        if place not in owners:
            return Again()
        return Again(most=1) if may_work_alone else Failed(message)
    if ended.node in run.own or may_work_alone:
        return Again(most=(run.jobs + 1) // 2)
    return Failed(message)


def is_complete(run: Merged, shown: Iterable[str], place: int, kinds: Kinds) -> bool:
    """Whether all nodes that a job is run for are among those that have shown their results."""
    ends = _ends_of(run, place, kinds)
    return bool(ends) and set(shown).issuperset(ends)


def outputs_of(run: Merged, outputs: Mapping[str, Mapping[str, Any]], place: int, kinds: Kinds) -> list[dict[str, Any]]:
    """What the nodes have shown that a job is run for: ``node``, ``title``, ``class`` and ``data`` each."""
    return [
        {
            "node": run.origins[node_id],
            "title": title(run.prompt, node_id),
            "class": run.prompt[node_id]["class_type"],
            "data": dict(outputs[node_id]),
        }
        for node_id in _ends_of(run, place, kinds)
        if node_id in outputs
    ]


def _ends_of(run: Merged, place: int, kinds: Kinds) -> list[str]:
    return [
        node_id
        for node_id, places in run.owners.items()
        if place in places and kinds(run.prompt[node_id]["class_type"]).is_output
    ]


def _left_out(run: Merged, outputs: Mapping[str, Mapping[str, Any]]) -> dict[int, str]:
    """By the place of a job, why the sampler could not take its clip."""
    return {
        int(clip["place"]): f"{title(run.prompt, node_id)}: {clip['error']}"
        for node_id, shown in outputs.items()
        if node_id in run.prompt
        for clip in shown.get(LEFT_OUT, ())
    }


def costs(run: Merged, stages: Sequence[tuple[str, Mapping[str, Any]]], price: float) -> list[dict[str, float]]:
    """What each job has cost, by its place.

    A job pays what its own nodes have cost, its frames' part of what a sampler did for all, and an even part of the
    rest.

    Args:
        stages: node ids, and what they cost, as ``economy.report.Report.as_dict`` tells it.
        price: dollars per hour of the GPU.
    """
    seconds, gpu_seconds = [0.0] * run.jobs, [0.0] * run.jobs
    for node_id, stage in stages:
        shares = {int(place): float(share) for place, share in (stage.get("shares") or {}).items()}
        on_gpu = 0.0 if stage["device"] in ("cpu", "-") else stage["gpu_seconds"] or stage["seconds"]
        for place, part in run.parts(node_id, shares).items():
            seconds[place] += stage["seconds"] * part
            gpu_seconds[place] += on_gpu * part
    return [
        {"seconds": round(all_, 3), "gpu_seconds": round(gpu, 3), "dollars": round(gpu * price / 3600, 6)}
        for all_, gpu in zip(seconds, gpu_seconds, strict=True)
    ]
