"""A look at the model while it is trained: poses and styles it has not seen, sampled like ComfyUI would."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor

from . import networks, text
from .captions import plain_caption
from .drawn_pictures import draw_hint
from .mixed_precision import DTYPE
from .poses import UNSEEN_TAKES, Keypoints, random_people
from .renderer import BACKDROPS, FIGURES, draw

if TYPE_CHECKING:
    from .diffusion import DiffusionTrainer

COUNT = 12
STEPS = 14
GUIDANCE = 2.0


@torch.no_grad()
def sample(
    trainer: DiffusionTrainer,
    hints: Tensor,
    positive: Tensor,
    noise: Tensor,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
) -> Tensor:
    """ComfyUI's DPM-Solver++(2M) on Karras' noise levels, with classifier-free guidance.

    Args:
        hints: ``(n, 3, 8h, 8w)``, 0..1.
        positive: ``(n, 77, 768)``; the negative prompt is empty.
        noise: ``(n, 4, h, w)`` of variance 1.

    Returns:
        Latents ``(n, 4, h, w)``.
    """
    from comfy.k_diffusion.sampling import get_sigmas_karras, sample_dpmpp_2m

    levels = trainer.sigmas
    context = torch.cat((positive, text.embed(text.tokenize([""])).expand_as(positive))).to(DTYPE)
    twice = hints.to(DTYPE).repeat(2, 1, 1, 1)

    def denoised(latents: Tensor, sigma: Tensor) -> Tensor:
        timestep = (levels - sigma[0]).abs().argmin().float().expand(len(context))
        scaled = (latents / torch.sqrt(1 + sigma[0] ** 2)).to(DTYPE).repeat(2, 1, 1, 1)
        wrong = networks.predict(trainer.unet, trainer.control_net, scaled, twice, timestep, context).float()
        with_prompt, without = wrong.chunk(2)
        return latents - sigma[0] * (without + guidance * (with_prompt - without))

    ramp = get_sigmas_karras(steps, float(levels[0]), float(levels[-1]))
    result: Tensor = sample_dpmpp_2m(denoised, noise * ramp[0], ramp, disable=True)
    return result


@cache
def _examples() -> tuple[list[Any], list[Any], Tensor]:
    random = np.random.default_rng(77)
    pictures, hints, prompts = [], [], []
    for index in range(COUNT):
        real = 1.0 if index % 2 else 0.0
        people: Keypoints = random_people(random, (128, 128), UNSEEN_TAKES, real, people=(0, 1, 0))
        figure, backdrop = index % len(FIGURES), (index + index // len(FIGURES)) % len(BACKDROPS)
        pictures.append(draw(people, figure, backdrop, 128, 128)[0])
        hints.append(draw_hint(people, 128, 128))
        prompts.append(plain_caption(figure, backdrop))
    return pictures, hints, text.embed(text.tokenize(prompts))


@torch.no_grad()
def save_preview(trainer: DiffusionTrainer, decoder: Any, folder: Path, step: int) -> None:
    """A picture of truth, hints and samples, ``preview_STEP.png``."""
    pictures, hints, positive = _examples()
    trainer.optimiser.use_averaged()
    noise = torch.randn(COUNT, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    latents = sample(trainer, torch.from_numpy(np.stack(hints)).permute(0, 3, 1, 2) / 255, positive, noise)
    trainer.optimiser.use_trained()
    decoded = decoder(latents.to(DTYPE)).float().clamp(0, 1).permute(0, 2, 3, 1).mul(255).byte().numpy()
    rows = [np.concatenate(row, axis=1) for row in (pictures, hints, list(decoded))]
    cv2.imwrite(str(folder / f"preview_{step:05}.png"), np.concatenate(rows)[..., ::-1])
    error = np.mean((decoded.astype(float) - np.stack(pictures)) ** 2)
    print(f"preview {step}: {10 * np.log10(255**2 / error):.2f} dB of the drawn pictures", flush=True)
