"""How near pictures are to others."""

from __future__ import annotations

import math

import torch

LEAST_DB = 40.0
"""At which nobody sees a difference."""


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of two IMAGEs in dB; 120 at most, so that it is finite."""
    error = float((one.float() - other.float()).square().mean())
    return -10 * math.log10(max(error, 1e-12))
