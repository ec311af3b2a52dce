"""A key that says what made a value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from ..graph import is_link

Node = Mapping[str, Any]

VERSION = 2
"""Raise it when a node computes something else from the same inputs: old entries are then never hit."""


class Unsignable(ValueError):
    """What is not a number equals nothing, not even itself."""


class Signer:
    """Signs the part of a prompt that leads to a value.

    Node ids, titles and positions do not count; class, parameters, wiring and the content of files do.

    Args:
        node: gives the prompt's node of an id: ``{"class_type": …, "inputs": {…}}``.
        meaning: gives, as JSON, what a text stands for: the content of the files that it names, or itself.
    """

    def __init__(self, node: Callable[[str], Node], meaning: Callable[[str], Any]) -> None:
        self._node, self._meaning = node, meaning
        self._known: dict[str, str] = {}

    def sign(self, value: Any, *more: Any) -> str:
        """Hex digest of an input (a constant, or a link ``[node id, output]``) and of further plain values.

        Raises:
            Unsignable: a parameter is not a number (NaN).
        """
        return _hash([VERSION, self._canonical(value), *more])

    def _canonical(self, value: Any) -> Any:
        if is_link(value):
            return {"from": self._of_node(str(value[0])), "output": value[1]}
        if isinstance(value, Mapping):
            return {str(key): self._canonical(item) for key, item in sorted(value.items())}
        if isinstance(value, (list, tuple)):
            return [self._canonical(item) for item in value]
        if isinstance(value, str):
            return self._meaning(value)
        return _number(value) if isinstance(value, float) else value

    def _of_node(self, node_id: str) -> str:
        if node_id not in self._known:
            node = self._node(node_id)
            self._known[node_id] = _hash([node["class_type"], self._canonical(node["inputs"])])
        return self._known[node_id]


def _number(value: float) -> float:
    if math.isnan(value):
        raise Unsignable("a parameter is not a number")
    return int(value) if value.is_integer() else value  # the editor writes 12.0 and 12 alike


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
