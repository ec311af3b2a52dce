"""What matters of a class of nodes for running several jobs as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


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
