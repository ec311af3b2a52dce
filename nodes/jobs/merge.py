"""One prompt out of several that differ in a few values.

What is the same in all, such as the checkpoint, is there once. A node that differs, or has such a node in front, is
there once for each job, with its own values: ComfyUI checks, keeps and runs it as in a prompt of its own, and when it
fails it is plain whose it is. Only nodes that can work for several jobs meet, such as samplers: there is one for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import Node, Prompt, in_order, is_link, wires
from .kinds import Batcher, Kinds

MOST = 32
"""Jobs in a prompt: so many items have the nodes of this stage."""

LIST_CLASS = "FrugalJobsList"


@dataclass(frozen=True)
class Merged:
    """A prompt that does the work of several jobs.

    Attributes:
        prompt: in API form.
        owners: by node id, the places of the jobs that need the node.
        origins: by node id, the id that the node has in the jobs' own prompts.
        own: ids of the nodes whose inputs are not the same for all jobs.
        alone: the jobs' own prompts.
    """

    prompt: Prompt
    owners: Mapping[str, tuple[int, ...]]
    origins: Mapping[str, str]
    own: frozenset[str]
    alone: Sequence[Prompt]

    @property
    def jobs(self) -> int:
        """How many there are."""
        return len(self.alone)

    def origin(self, node_id: str) -> tuple[Prompt, str] | None:
        """The prompt and the id in it that a node comes from; ``None`` for one that is not of one job alone."""
        owners = self.owners.get(node_id, ())
        return (self.alone[owners[0]], self.origins[node_id]) if len(owners) == 1 else None

    def parts(self, node_id: str, shares: Mapping[int, float]) -> dict[int, float]:
        """What part of a node's work was for which job, by its place; they add up to 1.

        Args:
            shares: by place, as far as the node knows; else the parts are even.
        """
        owners = self.owners.get(node_id, range(self.jobs))
        total = sum(shares.values())
        if len(owners) == 1 or total <= 0:
            return dict.fromkeys(owners, 1 / len(owners))
        return {place: share / total for place, share in shares.items()}


def merged(prompts: Sequence[Prompt], kinds: Kinds) -> Merged:
    """Merge prompts of one key (see ``gather.batch_key``); a prompt alone stays as it is.

    Raises:
        InputError: the wires are no prompt's.
    """
    everyone = tuple(range(len(prompts)))
    first = prompts[0]
    if len(prompts) == 1:
        return Merged(
            first, dict.fromkeys(first, everyone), {node_id: node_id for node_id in first}, frozenset(), prompts
        )
    own = _own(prompts, kinds)
    merger = _Merger(prompts, own, kinds)
    for node_id, node in first.items():
        if node_id not in own:
            merger.add(node_id, node_id, node, everyone)
        elif batcher := kinds(node["class_type"]).batcher:
            merger.add_batcher(node_id, batcher)
        else:
            merger.add_copies(node_id)
    return merger.result()


def _own(prompts: Sequence[Prompt], kinds: Kinds) -> set[str]:
    own: set[str] = set()
    first = prompts[0]
    for node_id in in_order(first):
        differs = any(prompt[node_id]["inputs"] != first[node_id]["inputs"] for prompt in prompts[1:])
        differs = differs or kinds(first[node_id]["class_type"]).reads_prompt
        if differs or any(source in own for _, source in wires(first[node_id])):
            own.add(node_id)
    return own


class _Merger:
    def __init__(self, prompts: Sequence[Prompt], own: set[str], kinds: Kinds) -> None:
        self.prompts, self.own, self.kinds = prompts, own, kinds
        self.prompt: Prompt = {}
        self.owners: dict[str, tuple[int, ...]] = {}
        self.origins: dict[str, str] = {}

    def result(self) -> Merged:
        shared = {node_id for node_id in self.prompt if node_id in self.prompts[0] and node_id not in self.own}
        own = frozenset(self.prompt.keys() - shared)
        return Merged(self.prompt, self.owners, self.origins, own, self.prompts)

    def add(self, node_id: str, origin: str, node: Node, owners: tuple[int, ...]) -> None:
        self.prompt[node_id], self.owners[node_id], self.origins[node_id] = node, owners, origin

    def add_copies(self, node_id: str) -> None:
        for place, prompt in enumerate(self.prompts):
            node = prompt[node_id]
            inputs = {name: self._led(value, place) for name, value in node["inputs"].items()}
            self.add(_name(node_id, place), node_id, {**node, "inputs": inputs}, (place,))

    def add_batcher(self, node_id: str, batcher: Batcher) -> None:
        node, everyone = self.prompts[0][node_id], tuple(range(len(self.prompts)))
        inputs = {}
        for name in node["inputs"]:
            items = [self._led(prompt[node_id]["inputs"][name], place) for place, prompt in enumerate(self.prompts)]
            if all(item == items[0] for item in items):
                inputs[name] = items[0]
                continue
            gathered = f"{node_id}~{name}"
            wanted = {item_name(place): item for place, item in enumerate(items)}
            self.add(gathered, node_id, {"class_type": LIST_CLASS, "inputs": wanted}, everyone)
            inputs[name] = [gathered, 0]
        self.add(node_id, node_id, {**node, "class_type": batcher.together, "inputs": inputs}, everyone)

    def _led(self, value: Any, place: int) -> Any:
        """A wire, led to what this job has in place of the node that it comes from."""
        if not is_link(value) or value[0] not in self.own:
            return value
        source, output = value
        batcher = self.kinds(self.prompts[0][source]["class_type"]).batcher
        return [source, output + place * batcher.outputs] if batcher else [_name(source, place), output]


def item_name(place: int) -> str:
    """The input of ``FrugalJobsList`` for a job."""
    return f"item_{place + 1}"


def _name(node_id: str, place: int) -> str:
    return f"{node_id}~{place + 1}"
