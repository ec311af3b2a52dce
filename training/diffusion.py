"""Train UNet and ControlNet together, from nothing, on the latents of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import networks, text
from .captions import caption, negative
from .drawn_pictures import UNNAMED
from .mixed_precision import DTYPE, MixedPrecision, Rounding, schedule, unrounded
from .picture_latents import Latents, crop_corner
from .poses import Random
from .renderer import BACKDROPS, FIGURES

CAPTIONS = 24
"""Prompts per pair of figure and background."""
WARM_UP = 30
"""Steps until the learning rate is at its full height."""


def sigmas() -> Tensor:
    """The 1000 noise levels of Stable Diffusion's schedule (R. Rombach et al., 2022), ascending."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)
    return torch.sqrt((1 - kept) / kept).float()


class Prompts:
    """Embeddings of many captions, made once."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        kinds = [(f, b) for f in (*range(len(FIGURES)), None) for b in (*range(len(BACKDROPS)), None)]
        kinds.remove((None, None))
        prompts = [caption(random, *kind) for kind in kinds for _ in range(CAPTIONS)]
        prompts += [negative(random) for _ in range(CAPTIONS)]
        self._first = {kind: CAPTIONS * index for index, kind in enumerate((*kinds, None))}
        tokens = _with_strange_words(text.tokenize(prompts), random)
        self._embeddings = torch.cat([text.embed(part) for part in torch.split(tokens, 64)]).to(DTYPE)

    def sample(self, random: Random, figure: int, backdrop: int | None) -> Tensor:
        """Mostly a full caption; sometimes one that leaves something, or everything, open. ``(77, 768)``.

        Before a place without a name every fourth caption names one that is not there.
        """
        if backdrop is None and random.random() < 0.25:
            backdrop = int(random.integers(len(BACKDROPS)))
        chance = random.random()
        kind: tuple[int | None, int | None] | None = (figure, backdrop)
        if chance < 0.1:
            kind = None
        elif chance < 0.13:
            kind = (figure, None)
        elif chance < 0.16:
            kind = (None, backdrop)
        if kind == (None, None):
            kind = None
        return self._embeddings[self._first[kind] + int(random.integers(CAPTIONS))]


def _with_strange_words(tokens: Tensor, random: Random) -> Tensor:
    """Put one to four random words into every fourth prompt: users write more than the model knows."""
    tokens = tokens.clone()
    for row in tokens:
        if random.random() < 0.25:
            length = int((row < text.START_TOKEN).sum())
            count = min(int(random.integers(1, 5)), 75 - length)
            words = [*row[1 : 1 + length].tolist(), *random.integers(1000, 40_000, count).tolist()]
            row[1 : 1 + length + count] = torch.tensor(random.permutation(words))
    return tokens


class DiffusionTrainer:
    """Trains the nets to predict noise where a picture is to be redrawn.

    The first part of the steps sees crops of the latents around figures, which teach what a limb looks like many times
    as fast as whole pictures; the rest whole pictures of all sizes.

    A sampler that redraws a region shows the nets, outside it, the picture with noise (``KSamplerX0Inpaint`` of
    ComfyUI), which is what they see here; what they make of it there is thrown away, so it does not count here either.

    Args:
        cells: latent pixels per batch.
        crops: share of the steps that see crops.
        side: of a crop, in latent pixels.
        start: UNet and ControlNet to go on from. Then the ControlNet stays, which knows poses.
        rounding: how the UNet will be stored (``MixedPrecision``).
    """

    def __init__(
        self,
        sets: Sequence[Latents],
        *,
        steps: int,
        rate: float,
        cells: int = 2304,
        crops: float = 0.125,
        side: int = 8,
        start: tuple[Any, Any] | None = None,
        rounding: Rounding = unrounded,
        seed: int = 0,
    ) -> None:
        self.sets, self.steps, self.cells, self.crop_steps, self.seed = sets, steps, cells, int(crops * steps), seed
        self.side = side
        self.unet, self.control_net = start or networks.build(seed)
        for net in (self.unet, self.control_net):
            net.to(DTYPE, memory_format=torch.channels_last)
        self.control_net.requires_grad_(start is None)
        learning = (self.unet,) if start else (self.unet, self.control_net)
        self.optimiser = MixedPrecision(learning, rate, outer=networks.is_outer, muon=False, rounding=rounding)
        self.prompts = Prompts(seed)
        self.sigmas = sigmas()

    def step(self, index: int) -> dict[str, float]:
        """One batch, the same for the same index."""
        random = np.random.default_rng((self.seed, index))
        torch.manual_seed(self.seed + index)
        latents, masks, regions, hints, context = self._batch(random, crop=index < self.crop_steps)
        count = len(latents)
        timesteps = self._timesteps(random, count)
        sigma = self.sigmas[timesteps].view(-1, 1, 1, 1)
        noise = torch.randn_like(latents)
        noisy = (latents + sigma * noise) / torch.sqrt(1 + sigma**2)
        control = torch.from_numpy(random.random(count) >= 0.06).to(DTYPE).view(-1, 1, 1, 1)
        predicted = networks.predict(
            self.unet,
            self.control_net,
            noisy.to(DTYPE, memory_format=torch.channels_last),
            hints.to(DTYPE, memory_format=torch.channels_last),
            timesteps.float(),
            context,
            control,
        )
        wrong = (predicted.float() - noise) ** 2
        loss = loss_of(wrong, sigma, masks, regions)
        norm = self.optimiser.step(loss, schedule(index, self.steps, WARM_UP))
        return {"loss": loss.item(), "norm": norm, "pictures": count, **_errors(sigma, wrong.detach(), regions)}

    def _batch(self, random: Random, *, crop: bool) -> tuple[Tensor, ...]:
        """Latents, masks, regions, hints 0..1 and prompts."""
        latents = self.sets[random.choice(len(self.sets), p=[s.share for s in self.sets])]
        height, width = (self.side, self.side) if crop else latents.values.shape[-2:]
        rows = []
        for index in random.integers(len(latents.values), size=self.cells // (height * width)):
            top, left = crop_corner(latents.masks[index, 0], self.side, random) if crop else (0, 0)
            there = slice(top, top + height), slice(left, left + width)
            hint = latents.pictures.hints[index, 8 * top : 8 * (top + height), 8 * left : 8 * (left + width)]
            figure, backdrop = int(latents.pictures.figures[index]), int(latents.pictures.backdrops[index])
            rows.append(
                (
                    latents.values[(index, ..., *there)],
                    latents.masks[(index, ..., *there)],
                    latents.regions[(index, ..., *there)],
                    torch.from_numpy(hint.copy()).permute(2, 0, 1) / 255,
                    self.prompts.sample(random, figure, None if backdrop == UNNAMED else backdrop),
                )
            )
        return tuple(torch.stack(column) for column in zip(*rows, strict=True))

    def _timesteps(self, random: Random, count: int) -> Tensor:
        """Mostly around the noise level at which a picture's layout is decided; the rest anywhere."""
        wanted = torch.from_numpy(random.normal(np.log(1.2), 1.2, count)).float()
        near = torch.searchsorted(self.sigmas.log(), wanted).clamp(max=999)
        anywhere = torch.from_numpy(random.integers(1000, size=count))
        return torch.where(torch.from_numpy(random.random(count) < 0.8), near, anywhere)

    def state_dict(self) -> dict[str, Any]:
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state)


def loss_of(wrong: Tensor, sigma: Tensor, masks: Tensor, regions: Tensor) -> Tensor:
    """Mean squared error of noise in the regions, three times as heavy on figures.

    Args:
        wrong: squared errors ``(batch, 4, h, w)``.
        sigma: noise levels ``(batch, 1, 1, 1)``.
        masks: shares of figures, and regions: shares that are redrawn, 0..1 ``(batch, 1, h, w)``.
    """
    weighted = regions * (1 + 2 * masks) * _weight(sigma) * wrong
    return weighted.sum() / (regions.sum().clamp(min=1) * wrong.shape[1])


def _weight(sigma: Tensor) -> Tensor:
    """Weight of the squared error of noise: that of the picture up to sigma 4, less where noise hides nothing."""
    square = sigma**2
    return (1 + square).clamp(max=16) * square / (square + 0.06)


def _errors(sigma: Tensor, wrong: Tensor, regions: Tensor) -> dict[str, float]:
    """Mean squared error of the predicted latent in the regions, by noise level."""
    cells = regions.sum(dim=(1, 2, 3)) * wrong.shape[1]
    error = (sigma**2 * regions * wrong).sum(dim=(1, 2, 3)) / cells.clamp(min=1)
    flat = sigma.flatten()
    bands = {"0.3": (0, 0.3), "1": (0.3, 1), "3": (1, 3), "15": (3, 20)}
    found = {name: error[(flat > low) & (flat <= high)] for name, (low, high) in bands.items()}
    return {f"error_to_{name}": float(values.mean()) if len(values) else float("nan") for name, values in found.items()}
