"""Which rows of a batch the ControlNet sees, and how the other rows get their residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from ..keyframes.keyframes import Keyframes


@dataclass(frozen=True)
class Layout:
    """A batch of frames, some of which are keyframes.

    Attributes:
        frames: rows in the batch (per cond chunk).
        keyframes: rows that the ControlNet is run on.
        left, right: for every row the positions in ``keyframes`` on either side of it.
        weight: for every row the share 0..1 of ``right``; 0 on a keyframe.
    """

    frames: int
    keyframes: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    weight: tuple[float, ...]

    @classmethod
    def of(cls, keyframes: Keyframes, frames: Sequence[int] | None = None) -> Layout:
        """The layout of ascending ``frames`` of a clip, among them the keyframes around each; ``None`` for all."""
        frames = range(keyframes.frame_count) if frames is None else frames
        rows = {frame: row for row, frame in enumerate(frames)}
        inside = [number for number, frame in enumerate(keyframes.frames) if frame in rows]
        places = {number: place for place, number in enumerate(inside)}
        brackets = [keyframes.bracket(frame) for frame in frames]
        return cls(
            len(frames),
            tuple(rows[keyframes.frames[number]] for number in inside),
            tuple(places[bracket.left] for bracket in brackets),
            tuple(places[bracket.right] for bracket in brackets),
            tuple(float(bracket.weight) for bracket in brackets),
        )

    @classmethod
    def joined(cls, layouts: Sequence[Layout]) -> Layout:
        """The layout of several clips in one batch, one after the other; none is interpolated into the next."""
        if len(layouts) == 1:
            return layouts[0]
        rows = [0, *accumulate(layout.frames for layout in layouts)]
        keys = [0, *accumulate(len(layout.keyframes) for layout in layouts)]
        return cls(
            rows[-1],
            tuple(row + first for layout, first in zip(layouts, rows, strict=False) for row in layout.keyframes),
            tuple(key + first for layout, first in zip(layouts, keys, strict=False) for key in layout.left),
            tuple(key + first for layout, first in zip(layouts, keys, strict=False) for key in layout.right),
            tuple(weight for layout in layouts for weight in layout.weight),
        )

    def keyframe_rows(self, chunks: int) -> list[int]:
        """Keyframe rows of a batch that holds the same frames ``chunks`` times (cond, uncond…)."""
        return [chunk * self.frames + row for chunk in range(chunks) for row in self.keyframes]

    def spread(self, residual: torch.Tensor, chunks: int) -> torch.Tensor:
        """Interpolate keyframe residuals ``(chunks * keyframes, …)`` linearly to all rows ``(chunks * frames, …)``.

        A keyframe's own residual comes through bit for bit.
        """
        device, count = residual.device, len(self.keyframes)
        offsets = torch.arange(chunks, device=device)[:, None] * count
        left = (torch.tensor(self.left, device=device) + offsets).flatten()
        right = (torch.tensor(self.right, device=device) + offsets).flatten()
        weight = torch.tensor(self.weight, device=device, dtype=residual.dtype).repeat(chunks)
        return torch.lerp(residual[left], residual[right], weight.view(-1, *[1] * (residual.ndim - 1)))
