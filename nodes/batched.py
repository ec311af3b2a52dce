"""How a class of nodes says that one of its nodes can do the work of several jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Batched:
    """What a class of nodes declares that works for several jobs at once.

    The class that ComfyUI runs then is made of this (see ``jobs.together``): it has the same inputs, and the outputs of
    every job, one job after the other.

    Attributes:
        together: the node id of that class.
        by_job: inputs of which each job has its own value: they come as lists, with one item for all jobs or one for
            each. Jobs that differ in another input are not batched.
        outputs: by output of a job, what it is, for people.
        called: what people call several of these nodes.
        stands_for: other classes, with inputs of the same names and outputs like these, whose nodes it does the work of
            too, such as ComfyUI's ``KSampler``.
    """

    together: str
    by_job: frozenset[str]
    outputs: tuple[str, ...]
    called: str = "nodes"
    stands_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobResults:
    """What one node has made for several jobs.

    Attributes:
        outputs: by output of the node, a value for each job; those of a job that is left out are of no use to anyone
            (an ``ExecutionBlocker`` stops what is behind them).
        left_out: by the place of a job (the first is 0), why nothing could be made for it.
        report: for people.
    """

    outputs: Sequence[Sequence[Any]]
    left_out: Mapping[int, str]
    report: str = ""
