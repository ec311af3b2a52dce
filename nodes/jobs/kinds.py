"""What matters of a class of nodes for running several jobs as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Batcher:
    """A class of nodes one of which can do the work of several jobs.

    Attributes:
        together: the class that does, which has the outputs of all jobs, one job after the other.
        by_job: inputs that it takes as lists, with an item for each job. The others must be equal.
        outputs: that a job has.
    """

    together: str
    by_job: frozenset[str]
    outputs: int


@dataclass(frozen=True)
class Kind:
    """What matters of a node's class.

    Attributes:
        is_output: it is run for what it leaves behind, such as a file.
        makes_lists: it gives a list where it was given none: the nodes behind it run once for each item.
        is_precomputable: its work, on the processor, can be done before its run.
        reads_prompt: it looks at the whole prompt, so that what it does follows from more than its inputs.
        batcher: how one node does the work of several jobs; ``None`` if each has its own.
    """

    is_output: bool = False
    makes_lists: bool = False
    is_precomputable: bool = False
    reads_prompt: bool = False
    batcher: Batcher | None = None


Kinds: TypeAlias = Callable[[str], Kind]
"""Tells what matters of a class, by its name."""
