"""Which of the prompts that run do the work of several jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..jobs.merge import Merged
from ..jobs.prompt import Prompt


class JobRuns:
    """The merged prompts that run now.

    What a node says of itself, as a cache key or as a file's metadata, must be what it would say in the prompt of its
    job alone.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Merged] = {}

    @contextmanager
    def known(self, run: str, merged: Merged) -> Iterator[None]:
        """Know a run while it lasts."""
        self._runs[run] = merged
        try:
            yield
        finally:
            self._runs.pop(run, None)

    def origin(self, run: str, node_id: str) -> tuple[Prompt, str] | None:
        """The prompt of the job that a node works for, and the node's id there, if it works for one of several."""
        merged = self._runs.get(run)
        return merged.origin(node_id) if merged and merged.jobs > 1 else None


# One per ComfyUI process, as the ledger of costs.
job_runs = JobRuns()
