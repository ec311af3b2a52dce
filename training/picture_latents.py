"""The pictures as the autoencoder sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from .drawn_pictures import Pictures
from .mixed_precision import DTYPE
from .poses import Random


@dataclass(frozen=True)
class Latents:
    """A set of pictures and its latents.

    Attributes:
        values: ``(count, 4, h, w)``.
        masks: share of each latent pixel, and its neighbours, that a figure covers ``(count, 1, h, w)``.
        regions: share of each latent pixel that is to be redrawn ``(count, 1, h, w)``.
        pictures: the set; hints and labels are taken from it.
        share: of the batches.
    """

    values: Tensor
    masks: Tensor
    regions: Tensor
    pictures: Pictures
    share: float

    @classmethod
    def of(cls, values: Tensor, pictures: Pictures, share: float) -> Latents:
        """Latents of pictures, with the pictures' masks and regions at their size."""
        masks, regions = (
            avg_pool2d(torch.from_numpy(np.array(planes))[:, None].float() / 255, 8)
            for planes in (pictures.masks, pictures.regions)
        )
        return cls(values, max_pool2d(masks, 3, 1, 1), regions, pictures, share)


@torch.inference_mode()
def encode(encoder: Any, pictures: Pictures, batch: int = 32) -> Tensor:
    """Latents of a set ``(count, 4, h, w)`` by the autoencoder's encoder in ``DTYPE``."""
    values = []
    for start in range(0, len(pictures.pictures), batch):
        block = torch.from_numpy(np.array(pictures.pictures[start : start + batch])).permute(0, 3, 1, 2)
        block = (block.float() / 255).to(DTYPE, memory_format=torch.channels_last)
        values.append(encoder(block).float())
    return torch.cat(values)


def crop_corner(mask: Tensor, side: int, random: Random) -> tuple[int, int]:
    """Where to crop ``side`` x ``side`` of a mask ``(h, w)``: four times of five around a point of a figure.

    Returns:
        Top and left.
    """
    limits = [length - side for length in mask.shape]
    inside = torch.nonzero(mask > 0.3)
    if not len(inside) or random.random() < 0.2:
        top, left = (int(random.integers(limit + 1)) for limit in limits)
        return top, left
    centre = inside[int(random.integers(len(inside)))].tolist()
    moved = (c - side // 2 + int(random.integers(-2, 3)) for c in centre)
    top, left = (min(max(start, 0), limit) for start, limit in zip(moved, limits, strict=True))
    return top, left
