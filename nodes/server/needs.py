"""What a job needs of the machine that runs it."""

from __future__ import annotations

from ..fleet.about import models_named
from ..graph import Node, Prompt
from ..host.prompt import declaration, embeddings_in
from ..host.prompt_files import input_files_of


def models_needed(prompt: Prompt) -> frozenset[str]:
    """The models that nodes choose from lists, and the textual inversions in their texts, with ``/``.

    Not the input files of such an ending, as motions have. Of an inversion that this ComfyUI does not have nobody
    knows whether there is one: nodes take its name for a word then.
    """
    _, files = input_files_of(prompt)
    texts = [value for node in prompt.values() for value in node["inputs"].values() if isinstance(value, str)]
    inversions = {name.replace("\\", "/") for text in texts for name in embeddings_in(text)}
    return (models_named(prompt, _is_choice) - files.keys()) | inversions


def _is_choice(node: Node, name: str) -> bool:
    return bool(declaration(node, name)[0] == "COMBO")
