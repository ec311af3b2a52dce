"""How near pictures and latents are to others, as finite numbers, whatever they hold."""

from __future__ import annotations

import math

import torch

LEAST_DB = 40.0
"""At which nobody sees a difference."""
EQUAL_DB, SPOILED_DB, SPOILED_L2 = 150.0, -100.0, 1e6
"""In place of what is no finite number: equal pictures, and NaN or infinite ones."""


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two IMAGEs, any device, values 0 to 1."""
    error = float((one.double() - other.double()).square().mean())
    if not math.isfinite(error):
        return SPOILED_DB
    return min(-10 * math.log10(error), EQUAL_DB) if error else EQUAL_DB


def relative_l2(found: torch.Tensor, expected: torch.Tensor) -> float:
    """How far two tensors of one shape are apart, in sizes of the second."""
    apart = float((found.double() - expected.double()).norm() / expected.double().norm())
    return apart if math.isfinite(apart) else SPOILED_L2
