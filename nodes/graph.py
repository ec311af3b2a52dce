"""Prompts in API form: nodes by id, and the wires between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from .errors import InputError

Node: TypeAlias = dict[str, Any]
Prompt: TypeAlias = dict[str, Node]


Source: TypeAlias = Callable[[str], "Mapping[str, Any] | None"]
"""From an id to the prompt's node; ``None``, or an error of its own, for one that is not there."""

NOTHING = object()
"""What a switch gives whose chosen input is not connected."""


def is_link(value: Any) -> bool:
    """Whether a prompt's input is a wire rather than a constant."""
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int


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


def upstream(
    prompt: Mapping[str, Any], starts: Iterable[str], is_at_hand: Callable[[str], bool] = lambda _: False
) -> Iterator[str]:
    """The ids from which wires lead to some nodes, and those themselves; each once, behind what it is wired to.

    Wires from nowhere are passed over.

    Args:
        is_at_hand: whether the result of a node is there already: nothing in front of it is needed then.
    """
    seen: set[str] = set()
    for start in starts:
        path = [(start, _sources(prompt, start, is_at_hand))] if start not in seen else []
        seen.add(start)
        while path:
            node_id, sources = path[-1]
            source = next((source for source in sources if source not in seen), None)
            if source is None:
                yield node_id
                path.pop()
            else:
                seen.add(source)
                path.append((source, _sources(prompt, source, is_at_hand)))


def _sources(prompt: Mapping[str, Any], node_id: str, is_at_hand: Callable[[str], bool]) -> Iterator[str]:
    found = () if is_at_hand(node_id) else wires(prompt[node_id])
    return (source for _, source in found if source in prompt)


def ends(prompt: Mapping[str, Any]) -> list[str]:
    """The ids of the nodes that no wire leads away from."""
    wired = {source for node in prompt.values() for _, source in wires(node)}
    return [node_id for node_id in prompt if node_id not in wired]


def constant(source: Source, value: Any) -> Any:
    """An input's value, also where it is wired to a node that holds nothing but a constant; any other wire as it is."""
    node = source(value[0]) if is_link(value) else None
    held = list(node["inputs"].values()) if node else []
    return held[0] if len(held) == 1 and not is_link(held[0]) else value


def past_switches(source: Source, node: Mapping[str, Any]) -> dict[str, Any]:
    """A node, with its wires from switches led to what those give; one that leads to nothing is left out.

    A switch whose choice is known only during the run stays.
    """
    led = {name: chosen(source, value) for name, value in node["inputs"].items()}
    return {**node, "inputs": {name: value for name, value in led.items() if value is not NOTHING}}


def is_switch(node: Mapping[str, Any]) -> bool:
    """Whether a node, ours or newer ComfyUI's, gives ``on_true`` or ``on_false``, as ``switch`` says."""
    return node["class_type"] in ("FrugalSwitch", "ComfySwitchNode")


def chosen(source: Source, value: Any) -> Any:
    """What an input gets, past all switches: a constant, a wire, or ``NOTHING``."""
    seen: set[str] = set()  # a prompt that nobody has checked may go in circles
    while is_link(value) and value[0] not in seen:
        seen.add(value[0])
        node = source(value[0])
        if node is None or not is_switch(node):
            return value
        switch = constant(source, node["inputs"].get("switch"))
        if switch is None or is_link(switch):
            return value
        value = node["inputs"].get("on_true" if switch else "on_false", NOTHING)
    return value


def without_switches(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a prompt that will run, its switches taken out: see ``past_switches``.

    What leads to a switch, and to no end of the prompt by the way that it has chosen, is left out.
    """
    switches = [node_id for node_id, node in prompt.items() if is_switch(node)]
    if not switches:
        return dict(prompt)
    led = {node_id: past_switches(prompt.get, node) for node_id, node in prompt.items()}
    spared = set(upstream(prompt, switches)) - set(upstream(led, ends(prompt)))
    return {node_id: node for node_id, node in led.items() if node_id not in spared}


def title(prompt: Mapping[str, Any], node_id: str) -> str:
    """What people call a node: its title, or its class. ComfyUI takes any ``_meta``."""
    node = prompt[node_id]
    meta = node.get("_meta")
    name = meta.get("title") if isinstance(meta, Mapping) else None
    return str(name or node["class_type"])
