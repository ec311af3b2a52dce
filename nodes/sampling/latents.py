"""Frames to latents and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

VAE_ROWS = 8
"""Frames per VAE call: keeps progress and cancel lively; the VAE splits further where memory asks for it."""


def encode(vae: Any, frames: torch.Tensor) -> torch.Tensor:
    """Encode IMAGE frames ``(n, h, w, 3)`` in small batches to latents ``(n, channels, h / 8, w / 8)``."""
    if not len(frames):
        return frames.new_zeros(0, 4, 1, 1)
    return torch.cat([vae.encode(batch) for batch in torch.split(frames, VAE_ROWS)])


def decode(vae: Any, latents: torch.Tensor) -> Iterator[torch.Tensor]:
    """Decode latents in small batches to IMAGE frames ``(n, h, w, 3)`` in 0..1."""
    for batch in torch.split(latents, VAE_ROWS):
        yield vae.decode(batch)
