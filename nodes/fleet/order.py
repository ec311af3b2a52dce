"""What a gateway asks of a worker, and the lines in which it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..graph import Prompt


@dataclass(frozen=True)
class Order:
    """A batch to be run.

    It is answered in JSON objects: ``{"at": node, "value": …, "max": …}``, ``{"skipped": [nodes]}``,
    ``{"shown": node, "output": …}``, and at last ``{"ended": …, "record": …}`` with ``jobs.outcome.Ended`` and what
    ``economy.run_keeper`` tells of the run. Files that are shown lie in the store by then.

    Attributes:
        run: the name of this attempt, and of the run in the worker's queue.
        jobs: their ids, by place.
        prompts: their own prompts, by place.
        files: URL of the store; see ``files.Files``.
        inputs: by the path below ComfyUI's input folder, the name in the store.
    """

    run: str
    jobs: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    files: str
    inputs: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Order:
        """From JSON.

        Raises:
            TypeError, KeyError: it is none.
        """
        return cls(given["run"], tuple(given["jobs"]), tuple(given["prompts"]), given["files"], dict(given["inputs"]))
