"""A prompt, read: which nodes it has, and what is wired to what."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import InputError
from ..graph import constant, is_link, title, without_switches
from ..host.prompt import declaration, known_inputs

_PLAIN: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


class Workflow:
    """An API prompt, or what of it will run: switches are taken out, where it is known which way they are set.

    Args:
        prompt: as posted to ``/prompt``.

    Raises:
        InputError: it is none.
    """

    def __init__(self, prompt: Any) -> None:
        if not isinstance(prompt, Mapping) or not prompt:
            raise InputError("prompt", type(prompt).__name__, "an object of nodes, as posted to /prompt")
        for node_id, node in prompt.items():
            if not isinstance(node, Mapping) or not isinstance(node.get("inputs"), Mapping) or "class_type" not in node:
                raise InputError("prompt", f"node {node_id!r} without class_type or inputs", "nodes in the API format")
        self.prompt: Mapping[str, Any] = without_switches(prompt)

    def ids(self, *classes: str) -> list[str]:
        """Nodes of some classes."""
        return [node_id for node_id in self.prompt if self.kind(node_id) in classes]

    def kind(self, node_id: str) -> str:
        """A node's class."""
        return str(self.prompt[node_id]["class_type"])

    def title(self, node_id: str) -> str:
        """What the user calls a node."""
        return title(self.prompt, node_id)

    def value(self, node_id: str, name: str, default: Any = None) -> Any:
        """A constant input, also when it comes from a node that holds nothing but a constant.

        Raises:
            InputError: it is only known once the workflow runs, missing without a default, or none that ComfyUI would
                take.
        """
        found = constant(self.prompt.get, self.prompt[node_id]["inputs"].get(name, default))
        if is_link(found) and found[0] in self.prompt:
            source = self.title(found[0])
            raise self.error(node_id, name, f"a wire from {source}", "a value that is known before the run")
        if found is None:
            raise self.error(node_id, name, "nothing", "a value")
        return self._checked(node_id, name, found)

    def _checked(self, node_id: str, name: str, value: Any) -> Any:
        """A value as ComfyUI would take it: of its input's type, and in its range."""
        kind, options = declaration(self.prompt[node_id], name)
        if kind not in _PLAIN:
            if isinstance(value, (Mapping, Sequence)) and not isinstance(value, str):
                raise self.error(node_id, name, repr(value)[:200], "a choice")
            return value
        try:
            found = _PLAIN[kind](value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.error(node_id, name, repr(value)[:200], f"a value of type {kind}") from error
        if isinstance(found, float) or kind == "INT":
            low, high = options.get("min", -math.inf), options.get("max", math.inf)
            if not low <= found <= high:
                raise self.error(node_id, name, repr(value)[:200], f"{low} to {high}")
        return found

    def inputs(self, node_id: str, *but: str) -> dict[str, Any]:
        """All constant inputs of a node that its class knows, without some."""
        return {name: self.value(node_id, name) for name in known_inputs(self.prompt[node_id]) if name not in but}

    def error(self, node_id: str, name: str, found: str, allowed: str, remedy: str = "") -> InputError:
        """An error that names the node."""
        return InputError(f"{self.title(node_id)}, {name}", found, allowed, remedy)

    @contextmanager
    def naming(self, node_id: str) -> Iterator[None]:
        """Let errors inside name the node, unless they do."""
        try:
            yield
        except InputError as error:
            if error.name.startswith(f"{self.title(node_id)}, "):
                raise
            raise self.error(node_id, error.name, error.found, error.allowed, error.remedy) from error
