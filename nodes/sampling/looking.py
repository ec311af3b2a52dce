"""Self-attention in which frames also look at other pictures, so that they come out like them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch

Place: TypeAlias = tuple[Any, int]
"""A block of the net, and the transformer in it."""


class Looking(ABC):
    """A patch for self-attention: the features of other pictures are put behind a frame's own, as more keys and values.

    They are mixed with the frame's own first: at strength 0 they only repeat it, which attention does not notice.

    Args:
        strength: 0..1.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(
        self, n: torch.Tensor, context: torch.Tensor, value: torch.Tensor, options: dict[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if not self._applies(len(n), options):
            return n, context, value
        kinds: Sequence[int] = options["cond_or_uncond"]
        more = torch.cat([self._more(chunk, number, options) for number, chunk in enumerate(n.chunk(len(kinds)))])
        return n, torch.cat((context, more), dim=1), torch.cat((value, more), dim=1)

    def _more(self, chunk: torch.Tensor, number: int, options: dict[str, Any]) -> torch.Tensor:
        """More keys ``(rows, pictures * tokens, channels)`` for the rows ``chunk`` of one prompt."""
        return torch.cat([torch.lerp(chunk, seen, self.strength) for seen in self._seen(chunk, number, options)], dim=1)

    @abstractmethod
    def _applies(self, rows: int, options: dict[str, Any]) -> bool:
        """Whether these are the rows that look, ``rows`` of all prompts together; not those of another net, say."""

    @abstractmethod
    def _seen(self, chunk: torch.Tensor, number: int, options: dict[str, Any]) -> Sequence[torch.Tensor]:
        """For each row of ``chunk``, the features of what it looks at; a tensor like ``chunk`` for every picture.

        Args:
            chunk: ``(rows, tokens, channels)``.
            number: of the prompt in the batch.
            options: ComfyUI's, of the place in the net.
        """


REFERENCES_RUN = "frugal_references"
"""In ComfyUI's options of a run of the net on references alone: nobody looks at anybody there."""


def is_of_references(options: dict[str, Any]) -> bool:
    """Whether the rows are references, not frames."""
    return REFERENCES_RUN in options


def place_of(options: dict[str, Any]) -> Place:
    """Where in the net a patch is called."""
    return options.get("block"), options.get("block_index", 0)
