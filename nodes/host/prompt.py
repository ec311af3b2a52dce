"""The prompt that is being executed, as the cache and the report look at it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import folder_paths
from comfy_api.latest import io
from comfy_execution.utils import get_executing_context

from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..graph import is_link
from .folders import is_there, spellings_of

Origin: TypeAlias = Callable[[str], "tuple[Mapping[str, Any], str] | None"]
"""From a node's id to the prompt that it comes from and its id there, if that is not the one that runs."""

_LONGEST = 1000
"""Letters of a text that may name a file."""
_EMBEDDING = re.compile(r"embedding:([^\s,:()]+)")


def node_class_of(node: Mapping[str, Any]) -> Any:
    """The class of a node, ours or any other; ``None`` if this ComfyUI has none of that name."""
    return NODE_CLASS_MAPPINGS.get(node["class_type"])


def known_inputs(node: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a node that its class has. Newer editors post more: the state of a preview, for one."""
    node_class = node_class_of(node)
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
    node_class = node_class_of(node)
    kinds = node_class.INPUT_TYPES() if node_class else {}
    for part in ("required", "optional"):
        if name in kinds.get(part, {}):
            kind, *options = kinds[part][name]
            return (kind if isinstance(kind, str) else "COMBO"), (options[0] if options else {})
    return None, {}


def declared(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node as it is signed, with patterns of files as what they mean.

    Without what its class does not know, and without newer inputs that change nothing: entries that an earlier version
    made are still found.
    """
    node_class = node_class_of(node)
    resolve = getattr(node_class, "resolved_inputs", None)
    neutral = getattr(node_class, "NEUTRAL_INPUTS", {})
    inputs = {name: value for name, value in known_inputs(node).items() if (name, value) not in neutral.items()}
    return {**node, "inputs": resolve(inputs) if resolve else inputs}


def meaning(text: str, content: Callable[[Path], str]) -> Any:
    """What a parameter's text stands for, as JSON: the content of files where it names them, else itself.

    Args:
        content: tells it, of a file or a folder.
    """
    if files := files_named(text):
        return {"content": [content(file) for file in files]}
    if inversions := embeddings_in(text):
        return {"text": text, "content": [content(file) for file in inversions.values()]}
    return text


def files_named(text: str) -> list[Path]:
    """The input file and the models that a parameter may name: files in several folders may have the same name.

    A folder counts too, where nodes read all that is in it.
    """
    if not may_name_file(text):
        return []
    folders = [folder for folder in folder_paths.folder_names_and_paths if folder != "custom_nodes"]
    models = [path for folder in folders if (path := folder_paths.get_full_path(folder, text))]
    whole = [folder_paths.get_annotated_filepath(spelled) for spelled in spellings_of(text)]
    whole += [os.path.join(folder, text) for folder in folder_paths.get_folder_paths("diffusers")]
    return [path for path in map(Path, dict.fromkeys([*whole, *models])) if is_there(Path.exists, path)]


def may_name_file(text: str) -> bool:
    """Whether it is worth a look at the disk."""
    return any(map(str.isalnum, text)) and len(text) <= _LONGEST and text == text.strip() and "\0" not in text


def embeddings_in(text: str) -> dict[str, Path]:
    """The textual inversions that a prompt brings in, as in ``a photo of embedding:mine``, by the names of files."""
    names = [name + ending for name in _EMBEDDING.findall(text) for ending in ("", ".safetensors", ".pt", ".bin")]
    return {name: Path(path) for name in names if (path := folder_paths.get_full_path("embeddings", name))}


class PromptOrigins:
    """The prompts that run now and were put together of others.

    What a node says of itself, as a cache key or as a file's metadata, must be what it would say in its own prompt.
    """

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}

    @contextmanager
    def known(self, run: str, origin: Origin) -> Iterator[None]:
        """Know while a run lasts where its nodes come from."""
        self._origins[run] = origin
        try:
            yield
        finally:
            self._origins.pop(run, None)

    def of(self, run: str, node_id: str) -> tuple[Mapping[str, Any], str] | None:
        """The prompt that a node of a run comes from, and its id there; ``None`` if that is the one that runs."""
        origin = self._origins.get(run)
        return origin(node_id) if origin else None


# One per ComfyUI process, as the ledger of costs.
prompt_origins = PromptOrigins()


def own_prompt(hidden: Any) -> tuple[Mapping[str, Any], str]:
    """The prompt that a node sees as a hidden input, and its id; of a prompt of several jobs, those in its job's."""
    context = get_executing_context()
    origin = prompt_origins.of(context.prompt_id, context.node_id) if context else None
    return origin or (hidden.prompt, hidden.unique_id)


def grown_prompt(hidden: Any) -> tuple[Mapping[str, Any], str]:
    """The same with the nodes that others have added in the run, for a node with ``dynprompt`` as a hidden input."""
    node_id, prompt = str(hidden.unique_id), hidden.dynprompt
    context = get_executing_context()
    origin = prompt_origins.of(context.prompt_id if context else "", node_id)
    return origin or ({one: prompt.get_node(one) for one in prompt.all_node_ids()}, node_id)
