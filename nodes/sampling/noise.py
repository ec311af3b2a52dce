"""Noise that a clip shares with nobody and all its frames share with each other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import comfy.sample
import torch
from comfy.k_diffusion.sampling import BrownianTreeNoiseSampler, default_noise_sampler

NoiseSampler: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def start_noise(row: torch.Tensor, seeds: Sequence[int]) -> torch.Tensor:
    """What each row starts from, ``(len(seeds), …)``: rows of one seed start alike.

    Args:
        row: one latent ``(1, channels, h, w)``.
        seeds: one per row.
    """
    drawn = {seed: comfy.sample.prepare_noise(row, seed) for seed in dict.fromkeys(seeds)}
    return torch.cat([drawn[seed] for seed in seeds])


def with_step_noise(
    sampler: Any, name: str, row: torch.Tensor, seeds: Sequence[int], sigmas: torch.Tensor, device: torch.device
) -> Any:
    """Let ancestral and SDE samplers draw by row what they would draw for the batch, so that the batch does not matter.

    Args:
        sampler: ComfyUI's SAMPLER object of that name; samplers without noise are left alone.
        name: tells which kind of noise it wants.
        row: one latent ``(1, channels, h, w)``.
        seeds: one per row of the batch.
        sigmas: the noise levels of the run.
        device: where it is sampled.
    """
    if not _draws_noise(sampler, sigmas):
        return sampler
    like = torch.zeros(row.shape, dtype=torch.float32, device=device)
    samplers = {seed: _noise_sampler(name, like, seed, sigmas) for seed in dict.fromkeys(seeds)}

    def of_all_rows(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        drawn = {seed: draw(sigma, sigma_next) for seed, draw in samplers.items()}
        return torch.cat([drawn[seed] for seed in seeds])

    return _drawing(sampler, of_all_rows)


def with_own_step_noise(
    sampler: Any, name: str, latents: Sequence[torch.Tensor], seeds: Sequence[int], sigmas: torch.Tensor
) -> Any:
    """Let ancestral and SDE samplers draw for each of several latents what they would draw for it alone.

    Args:
        sampler, name, sigmas: as in ``with_step_noise``.
        latents: ``(rows, channels, …)`` each, on the device where they are sampled; together they are the batch.
        seeds: one per latent.
    """
    if not _draws_noise(sampler, sigmas):
        return sampler
    likes = [torch.zeros_like(latent, dtype=torch.float32) for latent in latents]
    draws = [_noise_sampler(name, like, seed, sigmas) for like, seed in zip(likes, seeds, strict=True)]
    return _drawing(sampler, lambda sigma, sigma_next: torch.cat([draw(sigma, sigma_next) for draw in draws]))


def _draws_noise(sampler: Any, sigmas: torch.Tensor) -> bool:
    return "noise_sampler" in inspect.signature(sampler.sampler_function).parameters and len(sigmas) > 0


def _drawing(sampler: Any, noise: NoiseSampler) -> Any:
    sampler.extra_options = {**sampler.extra_options, "noise_sampler": noise}
    return sampler


def _noise_sampler(name: str, like: torch.Tensor, seed: int, sigmas: torch.Tensor) -> NoiseSampler:
    """What the sampler of that name makes for itself."""
    if not (name.startswith("dpmpp_") and "sde" in name):
        own: NoiseSampler = default_noise_sampler(like, seed=seed)
        return own
    least, most = sigmas[sigmas > 0].min(), sigmas.max()
    tree: NoiseSampler = BrownianTreeNoiseSampler(like, least, most, seed=seed, cpu=not name.endswith("_gpu"))
    return tree
