"""Which jobs run together, and when."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import Prompt, is_link, is_switch, upstream
from .job import Job
from .kinds import Batcher, Kinds
from .merge import MOST
from .workers import Worker

SIZES = frozenset({"size", "width", "height", "fit", "frame_rate", "fps", "length", "batch_size"})
"""Inputs in front of a batched node that must be equal: rows of one batch have one size and, as videos, one length, and
clips of one frame rate are equally long for equally many seconds."""


def batch_key(prompt: Prompt, kinds: Kinds, clips: Sequence[str] = ()) -> str:
    """Jobs of one key can be merged; empty for a job that runs alone.

    Two prompts have the same key if they have the same nodes and wires, and whatever leads to a shared input of a
    batched node (a sampler's model, its ControlNet, its steps) is equal. All other values may differ, but for the
    sizes of clips and the way that switches take.

    Args:
        clips: what its clips are like, such as ``"1280x720"``.
    """
    found = {node_id: kinds(node["class_type"]).batcher for node_id, node in prompt.items()}
    batchers = {node_id: batcher for node_id, batcher in found.items() if batcher}
    before = set(upstream(prompt, batchers))
    # A job with lists has several clips in the batched node already.
    if not batchers or any(kinds(prompt[node_id]["class_type"]).makes_lists for node_id in before):
        return ""
    sources = (source for node_id, batcher in batchers.items() for source in _shared_sources(prompt[node_id], batcher))
    shared = set(upstream(prompt, sources))
    if any(kinds(prompt[node_id]["class_type"]).reads_prompt for node_id in shared):
        return ""
    nodes = [
        [node_id, node["class_type"], _fixed(node, batchers.get(node_id), node_id in shared, node_id in before)]
        for node_id, node in sorted(prompt.items())
    ]
    return hashlib.sha256(json.dumps([nodes, list(clips)], sort_keys=True).encode()).hexdigest()


def _shared_sources(node: Mapping[str, Any], batcher: Batcher) -> list[str]:
    return [value[0] for name, value in node["inputs"].items() if is_link(value) and name not in batcher.by_job]


def _fixed(node: Mapping[str, Any], batcher: Batcher | None, is_shared: bool, is_before: bool) -> dict[str, Any]:
    """The inputs of a node, without the values that may differ."""

    def counts(name: str, value: Any) -> bool:
        if is_link(value) or is_shared:
            return True
        if batcher:
            return name not in batcher.by_job
        return is_before and (name in SIZES or is_switch(node))

    return {name: value if counts(name, value) else None for name, value in node["inputs"].items()}


@dataclass(frozen=True)
class Gathering:
    """How jobs are gathered.

    Attributes:
        most: jobs in a batch.
        window: seconds that a job waits for others like it.
        ahead: whether jobs that wait are prepared while others run.
    """

    most: int = 8
    window: float = 1.0
    ahead: bool = False


@dataclass(frozen=True)
class Choice:
    """What is to be done now: a batch to run, or seconds to wait for more jobs."""

    batch: tuple[Job, ...] = ()
    wait: float | None = None


def choose(waiting: Sequence[Job], turns: Mapping[str, float], gathering: Gathering, now: float) -> Choice:
    """The next batch.

    It is led by the first job of the client whose last turn is the longest ago, so nobody waits for ever. Others of
    its key join, one of each client in turn, in the order in which they came.

    Args:
        waiting: in the order in which they came.
        turns: when the clients had their last turn.
        now: seconds, as ``Job.created``.
    """
    if not waiting:
        return Choice()
    batch, wait = _next(waiting, turns, gathering, now)
    return Choice(wait=wait) if wait else Choice(tuple(batch))


def ripe_batches(
    waiting: Sequence[Job], turns: Mapping[str, float], gathering: Gathering, now: float, most: int
) -> tuple[int, float | None]:
    """How many batches, up to ``most``, could begin now, and the seconds until there may be another one.

    Args:
        waiting, turns, gathering, now: as for ``choose``.
    """
    left, count, soonest = list(waiting), 0, None
    while left and count < most:
        batch, wait = _next(left, turns, gathering, now)
        count += not wait
        soonest = min(wait, soonest or wait) if wait else soonest
        taken = {job.id for job in batch}
        left = [job for job in left if job.id not in taken]
        turns = {**turns, **dict.fromkeys((job.client for job in batch), now)}
    return count, soonest


PATIENCE = 30.0
"""Seconds that jobs may be overtaken by later ones, for which a worker need not load other weights."""


def fitting(waiting: Sequence[Job], worker: Worker) -> list[Job]:
    """The jobs of which a worker should choose: what it can run, and if that is fair what it holds the weights of.

    Args:
        waiting: in the order in which they came.
    """
    able = [job for job in waiting if worker.can_run(job)]
    warm = [job for job in able if worker.has_loaded(job)]
    return warm if warm and warm[0].created <= able[0].created + PATIENCE else able


def _next(
    waiting: Sequence[Job], turns: Mapping[str, float], gathering: Gathering, now: float
) -> tuple[list[Job], float]:
    """The batch whose turn it is, and the seconds that it waits for others to join it."""
    clients = sorted(dict.fromkeys(job.client for job in waiting), key=lambda client: turns.get(client, 0.0))
    lead = next(job for job in waiting if job.client == clients[0])
    batch = _joined(lead, waiting, clients, min(gathering.most, MOST))
    due = min(min(_since(job, now) + gathering.window, (job.deadline or now + 1e9) - gathering.window) for job in batch)
    may_grow = lead.key and len(batch) < min(gathering.most, lead.most)
    return batch, max(due - now, 0.0) if may_grow else 0.0


def _since(job: Job, now: float) -> float:
    """Since when a job waits; one that came before the clock was set back has waited long enough."""
    return job.created if job.created <= now else -math.inf


def _joined(lead: Job, waiting: Sequence[Job], clients: Sequence[str], most: int) -> list[Job]:
    if not lead.key:
        return [lead]
    alike: dict[str, list[Job]] = {client: [] for client in clients}
    for job in waiting:
        if job.key == lead.key:
            alike[job.client].append(job)
    batch: list[Job] = []
    while any(alike.values()):
        for jobs in alike.values():
            if len(batch) >= most:
                return batch
            if jobs and jobs[0].most > len(batch):
                most = min(most, jobs[0].most)
                batch.append(jobs.pop(0))
            else:  # the client's later ones do not overtake it
                jobs.clear()
    return batch
