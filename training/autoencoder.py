"""Train TAESD (O. Boer Bohan, madebyollin/taesd), the autoencoder, on crops of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .drawn_pictures import Pictures
from .mixed_precision import DTYPE, MixedPrecision, schedule
from .picture_latents import Latents, crop_corner
from .poses import Random

CROP = 64
LATENT_NOISE = 0.05
"""Deviation of the noise on latents, which have deviation 1: the decoder must forgive what diffusion gets wrong."""


def build(seed: int) -> Any:
    """TAESD as in ComfyUI, freshly initialised, in float32."""
    from comfy.taesd.taesd import TAESD

    torch.manual_seed(seed)
    net = TAESD()
    for name, module in net.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        if name.endswith("conv.4"):  # the last of a residual branch
            module.weight.data *= 0.1
    net.taesd_encoder[-1].weight.data *= 0.5
    net.taesd_decoder[-1].weight.data *= 0.1
    net.taesd_decoder[-1].bias.data.fill_(0.5)
    return net


def crops(sets: Sequence[Pictures], count: int, random: Random) -> tuple[Tensor, Tensor]:
    """Pieces of pictures, most of them around a point of a figure.

    Returns:
        RGB ``(count, 3, 64, 64)`` and masks ``(count, 1, 64, 64)``, 0..1.
    """
    pieces = np.empty((count, CROP, CROP, 3), np.float32)
    masks = np.empty((count, CROP, CROP), np.float32)
    sizes = np.array([len(pictures.masks) for pictures in sets])
    for i in range(count):
        pictures = sets[random.choice(len(sets), p=sizes / sizes.sum())]
        index = int(random.integers(len(pictures.masks)))
        mask = pictures.masks[index]
        rows, columns = (slice(start, start + CROP) for start in _corner(mask, random))
        piece = pictures.pictures[index, rows, columns]
        if random.random() < 0.5:
            piece = piece[:, ::-1]
            masks[i] = mask[rows, columns][:, ::-1]
        else:
            masks[i] = mask[rows, columns]
        pieces[i] = piece if random.random() < 0.9 else _recoloured(piece, random)
    return torch.from_numpy(pieces).permute(0, 3, 1, 2) / 255, torch.from_numpy(masks)[:, None] / 255


def _corner(mask: np.ndarray[Any, Any], random: Random) -> tuple[int, ...]:
    limits = [side - CROP for side in mask.shape]
    inside = np.flatnonzero(mask > 128) if random.random() < 0.75 else ()
    if not len(inside):
        return tuple(int(random.integers(limit + 1)) for limit in limits)
    centre = np.unravel_index(random.choice(inside), mask.shape)
    moved = (int(c) - CROP // 2 + int(random.integers(-16, 17)) for c in centre)
    return tuple(min(max(start, 0), limit) for start, limit in zip(moved, limits, strict=True))


def _recoloured(piece: np.ndarray[Any, Any], random: Random) -> np.ndarray[Any, Any]:
    """Colours that the figures do not have, so that other pictures survive encoding too."""
    mixed = piece[..., random.permutation(3)].astype(np.float32)
    mixed = 255 - mixed if random.random() < 0.5 else mixed
    return np.clip(mixed * random.uniform(0.5, 1.2, 3) + random.uniform(-30, 30), 0, 255)


def loss_of(decoded: Tensor, pieces: Tensor, masks: Tensor) -> Tensor:
    """Charbonnier loss, three times as heavy on figures, plus the L1 distance of gradients, which keeps edges."""
    wrong = decoded - pieces
    weight = 1 + 2 * masks
    edges = (wrong[..., 1:] - wrong[..., :-1]).abs().mean() + (wrong[..., 1:, :] - wrong[..., :-1, :]).abs().mean()
    return (weight * torch.sqrt(wrong * wrong + 1e-4)).mean() + 0.5 * edges


class AutoencoderTrainer:
    """Trains encoder and decoder together, or with ``frozen_encoder`` the decoder on given latents."""

    def __init__(
        self,
        sets: Sequence[Pictures],
        *,
        steps: int,
        batch: int = 16,
        rate: float = 1e-3,
        seed: int = 0,
        muon: bool = True,
    ) -> None:
        self.sets, self.steps, self.batch, self.seed = sets, steps, batch, seed
        self.net = build(seed)
        self.encoder, self.decoder = (
            part.to(DTYPE, memory_format=torch.channels_last)
            for part in (self.net.taesd_encoder, self.net.taesd_decoder)
        )
        last = {"0.weight", f"{len(self.encoder) - 1}.weight", f"{len(self.decoder) - 1}.weight"}
        self.optimiser = MixedPrecision(
            (self.encoder, self.decoder), rate, outer=last.__contains__, decay=1e-4, muon=muon
        )

    def step(self, index: int) -> dict[str, float]:
        """One batch, the same for the same index."""
        random = np.random.default_rng((self.seed, index))
        torch.manual_seed(self.seed + index)
        pieces, masks = crops(self.sets, self.batch, random)
        latents = self.encoder(pieces.to(DTYPE, memory_format=torch.channels_last))
        whole = latents.float()
        spread = (whole.mean((0, 2, 3)) ** 2).mean() + ((whole.std((0, 2, 3)) - 1) ** 2).mean()
        decoded = self.decoder(latents + LATENT_NOISE * torch.randn_like(latents)).float()
        loss = loss_of(decoded, pieces, masks) + 0.05 * spread
        self.optimiser.step(loss, schedule(index, self.steps, 60))
        error = float(((decoded.detach() - pieces) ** 2).mean())
        return {"loss": loss.item(), "psnr": -10 * float(np.log10(error)), "spread": spread.item()}

    def state_dict(self) -> dict[str, Any]:
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state)


class DecoderTrainer:
    """Trains a decoder further on latents that are given and disturbed, so that it suits what diffusion makes.

    Args:
        decoder: from ``AutoencoderTrainer``, in ``DTYPE``.
        sets: latents and the pictures that they were made of.
    """

    SIDE = CROP // 8

    def __init__(
        self, decoder: Any, sets: Sequence[Latents], *, steps: int, batch: int = 16, rate: float = 7e-4, seed: int = 0
    ) -> None:
        self.decoder, self.sets, self.steps, self.batch, self.seed = decoder, sets, steps, batch, seed
        last = {"0.weight", f"{len(decoder) - 1}.weight"}
        self.optimiser = MixedPrecision((decoder,), rate, outer=last.__contains__, decay=1e-4)

    def step(self, index: int) -> dict[str, float]:
        """One batch, the same for the same index."""
        random = np.random.default_rng((self.seed, index))
        torch.manual_seed(self.seed + index)
        latents, pieces, masks = (
            torch.stack(column) for column in zip(*(self._crop(random) for _ in range(self.batch)), strict=True)
        )
        noisy = latents + 2 * LATENT_NOISE * torch.rand(len(latents), 1, 1, 1) * torch.randn_like(latents)
        decoded = self.decoder(noisy.to(DTYPE, memory_format=torch.channels_last)).float()
        inner = (..., slice(4, -4), slice(4, -4))  # what a crop's edges need lies outside it
        loss = loss_of(decoded[inner], pieces[inner], masks[inner])
        self.optimiser.step(loss, schedule(index, self.steps, 50))
        error = float(((decoded.detach() - pieces)[inner] ** 2).mean())
        return {"loss": loss.item(), "psnr": -10 * float(np.log10(error))}

    def _crop(self, random: Random) -> tuple[Tensor, Tensor, Tensor]:
        latents = self.sets[random.choice(len(self.sets), p=[s.share for s in self.sets])]
        index = int(random.integers(len(latents.values)))
        top, left = crop_corner(latents.masks[index, 0], self.SIDE, random)
        pixels = index, slice(8 * top, 8 * top + CROP), slice(8 * left, 8 * left + CROP)
        piece = torch.from_numpy(latents.pictures.pictures[pixels].copy()).permute(2, 0, 1) / 255
        mask = torch.from_numpy(latents.pictures.masks[pixels].copy())[None] / 255
        return latents.values[index, :, top : top + self.SIDE, left : left + self.SIDE], piece, mask

    def state_dict(self) -> dict[str, Any]:
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state)
