"""Nodes that take lists: several clips in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError


def broadcast(lists: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Values of the first, second… clip from one list per input; a list of one goes for all.

    Raises:
        InputError: names an input whose list is neither of one nor as long as the longest.
    """
    longest = max(lists, key=lambda name: len(lists[name]))
    count = len(lists[longest])
    for name, values in lists.items():
        if len(values) not in (1, count):
            allowed = f"1 for all, or {count}, as there are of {longest}"
            raise InputError(name, f"a list of {len(values)}", allowed)
    return [{name: values[index % len(values)] for name, values in lists.items()} for index in range(count)]


def only(name: str, values: Sequence[Any]) -> Any:
    """The value of an input that all clips share.

    Raises:
        InputError: the list holds different ones.
    """
    if any(value is not values[0] and value != values[0] for value in values):
        raise InputError(name, f"a list of {len(values)} different values", "one value for all clips")
    return values[0]
