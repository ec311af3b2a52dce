"""Colours that stay the same through a shot."""

from __future__ import annotations

from collections.abc import Sequence

import torch

_MOST_GAIN = 2.0


def steadied(frames: torch.Tensor, shots: Sequence[Sequence[int]], strength: float) -> torch.Tensor:
    """Give every frame of a shot the mean and spread of the shot's colours.

    The colour transfer of Reinhard and others (IEEE CG&A 21(5), 2001) by channel, towards the shot's own mean, so that
    a frame that came out warmer or paler than its neighbours does not flicker.

    Args:
        frames: IMAGE ``(n, h, w, 3)`` in 0..1.
        shots: rows of each shot.
        strength: 0..1; 0 returns the frames themselves.
    """
    if strength == 0:
        return frames
    result = frames.clone()
    for shot in map(list, shots):
        if not shot:
            continue
        pixels = frames[shot]
        mean, spread = pixels.mean(dim=(1, 2), keepdim=True), pixels.std(dim=(1, 2), keepdim=True)
        gain = (spread.mean(dim=0) / spread.clamp(min=1e-3)).clamp(1 / _MOST_GAIN, _MOST_GAIN)
        result[shot] = torch.lerp(pixels, (pixels - mean) * gain + mean.mean(dim=0), strength).clamp(0, 1)
    return result
