"""Requests to a sampler: what KSampler takes for one latent, and which of them can share a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.sample
import comfy.samplers
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.ldm.wan.model import WanModel

from .conditioning import can_stack
from .sampler import BY_THE_PICTURE

SEEDED = ("unclip_conditioning", "noise_augmentation")
"""What a prompt holds that the model adds noise to, by the seed of the whole batch."""


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be sampled.

    Attributes:
        positive, negative: CONDITIONING.
        latent: a LATENT: ``samples`` of ``(rows, channels, h, w)`` or ``(rows, channels, t, h, w)``, and as they come
            ``noise_mask`` and ``batch_index``.
        seed: of its noise.
    """

    positive: Any
    negative: Any
    latent: Mapping[str, Any]
    seed: int = 0


@dataclass(frozen=True)
class StepSettings:
    """How requests are sampled: what KSampler and KSampler (Advanced) are set to.

    Attributes:
        denoise: below 1 keeps some of what the latents hold.
        adds_noise: whether sampling begins with noise.
        first, last: the step that is taken first, and that before which sampling ends; ``None`` for all.
        leaves_noise: whether the noise of the steps behind ``last`` is left in the result.
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float = 1.0
    adds_noise: bool = True
    first: int | None = None
    last: int | None = None
    leaves_noise: bool = False


def noise_levels(model: Any, settings: StepSettings) -> torch.Tensor:
    """The noise levels ``(steps + 1,)`` that ComfyUI's KSampler goes through; fewer than two if it does nothing."""
    sigmas: torch.Tensor = comfy.samplers.KSampler(
        model, settings.steps, model.load_device, settings.sampler, settings.scheduler, settings.denoise
    ).sigmas
    if settings.last is not None and settings.last < len(sigmas) - 1:
        sigmas = sigmas[: settings.last + 1].clone()
        if not settings.leaves_noise:
            sigmas[-1] = 0
    return sigmas[settings.first or 0 :]


def latent_of(model: Any, request: Request) -> torch.Tensor:
    """The latent that sampling starts from; an empty one gets the channels of the model."""
    samples = request.latent["samples"]
    return comfy.sample.fix_empty_latent_channels(model, samples)  # type: ignore[no-any-return]


def rows_of_latent(request: Request) -> int:
    """Rows of its latent."""
    samples = request.latent["samples"]
    return len(samples.unbind()[0] if samples.is_nested else samples)


def alone_in_model(model: Any, settings: StepSettings) -> str:
    """Why requests to this model cannot share a batch; empty if they can."""
    options = model.model_options
    transformer = options.get("transformer_options", {})
    if settings.sampler == BY_THE_PICTURE:
        return f"{BY_THE_PICTURE} chooses its steps by the picture"
    if cache := transformer.get("easycache"):
        return f"{getattr(cache, 'name', 'EasyCache')} skips steps by what all of a batch look like"
    if "animate2_cache" in transformer:
        return "the cache of Animate 2 keeps the motion of one clip"
    if options.get("context_handler") is not None:
        return "context windows take one clip"
    return ""


def alone_by_itself(request: Request, settings: StepSettings) -> str:
    """Why a request cannot share a batch with any other; empty if it can."""
    if request.latent["samples"].is_nested:
        return "its latent has several parts"
    if settings.sampler == "ddim" and request.latent.get("noise_mask") is not None:
        return "ddim draws the noise around a mask for the whole batch"
    prompts = [options for prompt in (request.positive, request.negative) for _, options in prompt]
    if any(options.get("control") is not None for options in prompts):
        return "a ControlNet is applied to its prompts"
    if any(options.get(name) for options in prompts for name in SEEDED):
        return "the model adds noise to what its prompts hold"
    return ""


def groups(model: Any, requests: Sequence[Request]) -> list[list[int]]:
    """Numbers of the requests that can share batches: of one shape, with prompts of the same form.

    Noise masks have all of them or none. So have all or none an empty latent: ComfyUI does not shift those.
    """
    repeats_text = isinstance(model.model.diffusion_model, UNetModel | WanModel)
    found: list[list[int]] = []
    for number, request in enumerate(requests):
        for group in found:
            if _fit_together(model, [*(requests[other] for other in group), request], repeats_text):
                group.append(number)
                break
        else:
            found.append([number])
    return found


def _fit_together(model: Any, requests: Sequence[Request], repeats_text: bool) -> bool:
    latents = [latent_of(model, request) for request in requests]
    shapes = {(latent.shape[1:], latent.dtype) for latent in latents}
    extras = {
        (request.latent.get("noise_mask") is None, not torch.count_nonzero(latent))
        for request, latent in zip(requests, latents, strict=True)
    }
    rows = [len(latent) for latent in latents]
    prompts = [request.positive for request in requests], [request.negative for request in requests]
    return len(shapes) == len(extras) == 1 and all(can_stack(prompt, repeats_text, rows) for prompt in prompts)
