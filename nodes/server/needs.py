"""What a job needs of the machine that runs it."""

from __future__ import annotations

from ..fleet.about import models_named
from ..graph import Node, Prompt
from ..host.prompt import declaration
from ..host.prompt_files import input_files_of


def models_needed(prompt: Prompt) -> frozenset[str]:
    """The models that nodes choose from lists, with ``/``. Not the input files of such an ending, as motions have."""
    _, files = input_files_of(prompt)
    return models_named(prompt, _is_choice) - files.keys()


def _is_choice(node: Node, name: str) -> bool:
    return bool(declaration(node, name)[0] == "COMBO")
