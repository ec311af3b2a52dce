"""Frames that look at other frames of their clip, so that they come out alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from ..keyframes.keyframes import Keyframes
from .parts import Part

Key: TypeAlias = tuple[float, int, Any, int]
"""Noise level, prompt (0 positive, 1 negative), block of the net, transformer in it."""


@dataclass(frozen=True)
class _RowsSeen:
    """Which rows of a batch look at which; numbers from ``rows`` on are kept rows of the batch before, two per clip."""

    rows: int
    first: list[int]
    previous: list[int]
    kept: dict[int, tuple[int, int]]  # by clip, those that rows of the next batch look at


class AnchorAttention:
    """A patch for self-attention: every frame also attends to its clip's first frame and to the keyframe before it.

    Frames that are not redrawn are not looked at. The features of both are put behind a frame's own as further keys and
    values, as in Text2Video-Zero (Khachatryan and others, ICCV 2023), but mixed with the frame's own first: at strength
    0 these only repeat it, which attention does not notice. What frames of the next batch will look at is kept on the
    CPU, so that batches do not change the result.

    Args:
        strength: 0..1.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength
        self._layout = _RowsSeen(0, [], [], {})
        self._from_before: list[int] = []  # clips whose kept rows this batch needs
        self._kept: dict[int, dict[Key, list[torch.Tensor]]] = {}
        self._new: dict[int, dict[Key, list[torch.Tensor]]] = {}
        self._calls: dict[Key, int] = {}

    def begin(self, parts: Sequence[Part], plans: Sequence[Keyframes]) -> None:
        """Prepare for a batch; call it again to repeat one."""
        rows = sum(len(part.frames) for part in parts)
        self._from_before = [part.clip for part in parts if not part.begins]
        self._layout = _RowsSeen(rows, [], [], {})
        start = 0
        for part in parts:
            anchor = start + part.kept[0] if part.begins else rows + 2 * self._from_before.index(part.clip)
            self._place(part, set(plans[part.clip].frames), start, anchor)
            start += len(part.frames)
        self._new = {clip: defaultdict(list) for clip in self._layout.kept}
        self._calls = {}

    def _place(self, part: Part, keys: set[int], start: int, anchor: int) -> None:
        """Lay out a part whose rows begin at ``start``."""
        layout, before, kept = self._layout, anchor if part.begins else anchor + 1, set(part.kept)
        for number, frame in enumerate(part.frames):
            layout.first.append(anchor)
            layout.previous.append(before)
            if frame in keys and number in kept:
                before = start + number
        if not part.ends:
            layout.kept[part.clip] = (anchor, before)

    def commit(self) -> None:
        """The batch is sampled: the next may look at its rows."""
        self._kept = self._new

    def __call__(
        self, n: torch.Tensor, context: torch.Tensor, value: torch.Tensor, options: dict[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rows, sigma = self._layout.rows, float(options["sigmas"][0])
        kinds: list[int] = options["cond_or_uncond"]
        if len(n) != rows * len(kinds):  # another net, or a prompt for a part of the batch
            return n, context, value
        place = options.get("block"), options.get("block_index", 0)
        anchors = [
            self._anchored(chunk, (sigma, kind, *place)) for chunk, kind in zip(n.chunk(len(kinds)), kinds, strict=True)
        ]
        more = torch.cat(anchors)
        return n, torch.cat((context, more), dim=1), torch.cat((value, more), dim=1)

    def _anchored(self, chunk: torch.Tensor, key: Key) -> torch.Tensor:
        """Further keys ``(rows, 2 * tokens, channels)`` for one prompt's rows."""
        call = self._calls.get(key, 0)
        self._calls[key] = call + 1
        before = [self._kept[clip][key][call].to(chunk) for clip in self._from_before]
        everything = torch.cat((chunk, *before))
        for clip, kept in self._layout.kept.items():
            self._new[clip][key].append(everything[list(kept)].cpu())
        looked_at = [
            torch.lerp(chunk, everything[index], self.strength) for index in (self._layout.first, self._layout.previous)
        ]
        return torch.cat(looked_at, dim=1)
