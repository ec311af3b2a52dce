"""Prompts in API form: nodes by id, and the wires between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from ..caching.signature import is_link
from ..errors import InputError

Node: TypeAlias = dict[str, Any]
Prompt: TypeAlias = dict[str, Node]


@dataclass(frozen=True)
class Kind:
    """What matters of a node's class.

    Attributes:
        is_output: it is run for what it leaves behind, such as a file.
        makes_lists: it gives a list where it was given none: the nodes behind it run once for each item.
        can_be_ahead: its work, on the processor, can be done before its run.
        reads_prompt: it looks at the whole prompt, so that what it does follows from more than its inputs.
    """

    is_output: bool = False
    makes_lists: bool = False
    can_be_ahead: bool = False
    reads_prompt: bool = False


Kinds: TypeAlias = Callable[[str], Kind]
"""Tells what matters of a class, by its name."""


def wires(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The wired inputs of a node, and the ids of the nodes that they come from."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, value[0]


def in_order(prompt: Prompt) -> list[str]:
    """The ids, each behind those that it is wired to.

    Raises:
        InputError: a wire comes from no node, or they go in a circle.
    """
    sources = {node_id: [source for _, source in wires(node)] for node_id, node in prompt.items()}
    for node_id, found in sources.items():
        if missing := [source for source in found if source not in prompt]:
            raise InputError("workflow", f"a wire from {missing[0]!r} to {node_id!r}", "wires between its own nodes")
    try:
        return list(TopologicalSorter(sources).static_order())
    except CycleError as error:
        raise InputError("workflow", f"a circle of wires: {error.args[1]}", "wires that lead forward") from error


def in_front(prompt: Prompt, starts: Iterable[str]) -> set[str]:
    """The ids from which wires lead to some nodes, with those themselves."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        node_id = waiting.pop()
        if node_id not in found:
            found.add(node_id)
            waiting += [source for _, source in wires(prompt[node_id])]
    return found


def title(prompt: Mapping[str, Any], node_id: str) -> str:
    """What people call a node: its title, or its class. ComfyUI takes any ``_meta``."""
    node = prompt[node_id]
    meta = node.get("_meta")
    name = meta.get("title") if isinstance(meta, Mapping) else None
    return str(name or node["class_type"])
