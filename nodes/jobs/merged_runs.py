"""Which of the prompts that run do the work of several jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from comfy_execution.utils import get_executing_context

from ..graph import Prompt
from ..host.prompt import prompt_origins
from ..metering.meter import StageCost
from .merge import LIST_CLASS, Merged


class MergedRuns:
    """The merged prompts that run now."""

    def __init__(self) -> None:
        self._runs: dict[str, Merged] = {}

    @contextmanager
    def known(self, run: str, merged: Merged) -> Iterator[None]:
        """Know a run while it lasts."""
        self._runs[run] = merged
        try:
            with prompt_origins.known(run, partial(self.origin, run)):
                yield
        finally:
            self._runs.pop(run, None)

    def origin(self, run: str, node_id: str) -> tuple[Prompt, str] | None:
        """The prompt of the job that a node works for, and the node's id there, if it works for one of several."""
        merged = self._runs.get(run)
        return merged.origin(node_id) if merged and merged.jobs > 1 else None

    def costs(self, run: str, node_id: str, costs: Mapping[str, StageCost]) -> dict[str, StageCost]:
        """What a run has cost the job that a node works for, by the ids of its own prompt.

        Args:
            costs: of the whole run, by node id.
        """
        if not self.origin(run, node_id):
            return dict(costs)
        merged = self._runs[run]
        (place,) = merged.owners[node_id]
        found = {}
        for other, origin in merged.origins.items():
            owners = merged.owners[other]
            if other in costs and place in owners and merged.prompt[other]["class_type"] != LIST_CLASS:
                cost = costs[other]
                part = merged.parts(other, cost.shares).get(place, 0.0)
                found[origin] = cost if len(owners) == 1 else cost.part(part)
        return found


# One per ComfyUI process, as the ledger of costs.
merged_runs = MergedRuns()


def own_costs(costs: Mapping[str, StageCost]) -> dict[str, StageCost]:
    """What the run that is executing now has cost the job of the node that works, by the ids of ``own_prompt``."""
    context = get_executing_context()
    return merged_runs.costs(context.prompt_id, context.node_id, costs) if context else dict(costs)
