"""The prompt that is being executed, as the cache and the report look at it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io

from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..caching.signature import is_link
from .folders import is_there, spellings_of

_LONGEST = 1000
"""Letters of a text that may name a file."""
_EMBEDDING = re.compile(r"embedding:([^\s,:()]+)")


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


def known_inputs(node: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a node that its class has. Newer editors post more: the state of a preview, for one."""
    node_class = NODE_CLASS_MAPPINGS.get(node["class_type"])
    if node_class is None:
        return dict(node["inputs"])
    if getattr(node_class, "ACCEPT_ALL_INPUTS", False):
        return dict(node["inputs"])
    is_v3, kinds = issubclass(node_class, io.ComfyNode), node_class.INPUT_TYPES()
    # ComfyUI asks these mappings whether they contain a name; some of other packs say so of every name.
    known = [kinds.get(part, {}) for part in ("required", "optional", *(() if is_v3 else ("hidden",)))]

    def is_known(name: str) -> bool:
        # A dotted name belongs to a dynamic input: "model.steps" to "model".
        return any(name.split(".", maxsplit=1)[0] in part for part in known)

    return {name: value for name, value in node["inputs"].items() if is_link(value) or is_known(name)}


def declaration(node: Mapping[str, Any], name: str) -> tuple[Any, Mapping[str, Any]]:
    """The type of an input, as its class declares it, and its options; ``None`` if the class has no such input."""
    node_class = NODE_CLASS_MAPPINGS.get(node["class_type"])
    kinds = node_class.INPUT_TYPES() if node_class else {}
    for part in ("required", "optional"):
        if name in kinds.get(part, {}):
            kind, *options = kinds[part][name]
            return (kind if isinstance(kind, str) else "COMBO"), (options[0] if options else {})
    return None, {}


def declared(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node as it is signed: without what its class does not know, and with patterns of files as what they mean."""
    resolve = getattr(NODE_CLASS_MAPPINGS.get(node["class_type"]), "resolved_inputs", None)
    inputs = known_inputs(node)
    return {**node, "inputs": resolve(inputs) if resolve else inputs}


def meaning(text: str, content: Callable[[Path], str]) -> Any:
    """What a parameter's text stands for, as JSON: the content of files where it names them, else itself.

    Args:
        content: tells it, of a file or a folder.
    """
    if files := files_named(text):
        return {"content": [content(file) for file in files]}
    if files := embeddings_in(text):
        return {"text": text, "content": [content(file) for file in files]}
    return text


def files_named(text: str) -> list[Path]:
    """The input file and the models that a parameter may name: files in several folders may have the same name.

    A folder counts too, where nodes read all that is in it.
    """
    if not any(map(str.isalnum, text)) or len(text) > _LONGEST or text != text.strip() or "\0" in text:
        return []
    folders = [folder for folder in folder_paths.folder_names_and_paths if folder != "custom_nodes"]
    models = [path for folder in folders if (path := folder_paths.get_full_path(folder, text))]
    whole = [folder_paths.get_annotated_filepath(spelled) for spelled in spellings_of(text)]
    whole += [os.path.join(folder, text) for folder in folder_paths.get_folder_paths("diffusers")]
    return [path for path in map(Path, dict.fromkeys([*whole, *models])) if is_there(Path.exists, path)]


def embeddings_in(text: str) -> list[Path]:
    """The textual inversions that a prompt brings in, as in ``a photo of embedding:mine``."""
    names = [name + ending for name in _EMBEDDING.findall(text) for ending in ("", ".safetensors", ".pt", ".bin")]
    return [Path(path) for name in names if (path := folder_paths.get_full_path("embeddings", name))]
