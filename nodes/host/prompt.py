"""The prompt that is being executed, as the cache and the report look at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import folder_paths

from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..caching.signature import is_link


def upstream(prompt: Mapping[str, Any], node_id: str) -> Iterator[str]:
    """Ids of the nodes that lead to a node, nearest last, without the node itself."""
    seen: set[str] = {node_id}

    def visit(current: str) -> Iterator[str]:
        for value in prompt[current]["inputs"].values():
            if is_link(value) and value[0] in prompt and value[0] not in seen:
                seen.add(value[0])
                yield from visit(value[0])
                yield value[0]

    yield from visit(node_id)


def declared(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node with the inputs that its class has. Newer editors post more: the state of a preview, for one."""
    node_class = NODE_CLASS_MAPPINGS.get(node["class_type"])
    if node_class is None:
        return node
    kinds = node_class.INPUT_TYPES()
    known = {**kinds.get("required", {}), **kinds.get("optional", {})}
    # A dotted name belongs to a dynamic input: "model.steps" to "model".
    inputs = {name: value for name, value in node["inputs"].items() if is_link(value) or name.split(".")[0] in known}
    resolve = getattr(node_class, "resolved_inputs", None)  # patterns of files, to be signed by what they mean
    return {**node, "inputs": resolve(inputs) if resolve else inputs}


def title(prompt: Mapping[str, Any], node_id: str) -> str:
    """What the user calls a node: its title in the graph, or its class."""
    node = prompt[node_id]
    return str(node.get("_meta", {}).get("title") or node["class_type"])


def file_named(text: str) -> Path | None:
    """The input file or model that a parameter names, if it names one."""
    if not text or len(text) > 255 or "\n" in text or text != text.strip():
        return None
    if folder_paths.exists_annotated_filepath(text):
        path = Path(folder_paths.get_annotated_filepath(text))
        return path if path.is_file() else None
    for folder in folder_paths.folder_names_and_paths:
        found = folder != "custom_nodes" and folder_paths.get_full_path(folder, text)
        if found:
            return Path(found)
    return None
