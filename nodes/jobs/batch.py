"""Jobs that run together, and how far they are."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph import title
from .job import Job
from .merge import Merged


@dataclass
class Batch:
    """Jobs that run together.

    Attributes:
        jobs: in their places.
        merged: their common prompt.
        proceeded: is told when something has happened, and which node has shown its results by that, if any.
        run: its id in ComfyUI's queue.
        place: its number in ComfyUI's queue, which runs the lowest first; ``None`` for one behind all that wait.
        withdrawn: it has been taken back.
        outputs: what nodes have shown so far.
        node, value, maximum: the node that works, and how far it is.
        ended: nodes that have done their work.
    """

    jobs: Sequence[Job]
    merged: Merged
    proceeded: Callable[[str], None]
    run: str = field(default_factory=lambda: str(uuid.uuid4()))
    place: float | None = None
    withdrawn: bool = False
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    node: str = ""
    value: float = 0.0
    maximum: float = 0.0
    ended: set[str] = field(default_factory=set)

    @property
    def has_begun(self) -> bool:
        """Whether any node has worked, or is known not to need to."""
        return bool(self.node or self.ended)

    def progress(self, place: int) -> dict[str, Any]:
        """How far a job is: its nodes that have ended, and the node that works."""
        nodes = [node_id for node_id, places in self.merged.owners.items() if place in places]
        now = title(self.merged.prompt, self.node) if self.node in self.merged.prompt else ""
        done = len(self.ended.intersection(nodes))
        return {"done": done, "of": len(nodes), "node": now, "value": self.value, "max": self.maximum}

    def at(self, node: str, value: float = 0.0, maximum: float = 0.0) -> None:
        """A node works."""
        if node != self.node and self.node:
            self.ended.add(self.node)
        self.node, self.value, self.maximum = node, value, maximum
        self.proceeded("")

    def skipped(self, nodes: Iterable[str]) -> None:
        """ComfyUI still has the results of nodes."""
        self.ended.update(nodes)

    def shown(self, node: str, output: Mapping[str, Any]) -> None:
        """A node shows its results."""
        self.outputs[node] = output
        self.ended.add(node)
        self.proceeded(node)
