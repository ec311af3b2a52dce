"""How often a sampler runs the model, found out by running it on one number."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import comfy.samplers
import torch

from ..errors import InputError


@lru_cache(maxsize=256)
def model_calls(
    model_sampling: Any,
    sampler: str,
    scheduler: str,
    steps: int,
    denoise: float = 1.0,
    control_range: tuple[float, float] = (0.0, 1.0),
    part: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Runs of the UNet for a row and prompt, and those of them in which a ControlNet counts.

    Args:
        model_sampling: ComfyUI's noise levels of the model.
        sampler, scheduler, steps, denoise: as the sampler node takes them.
        control_range: from when to when the ControlNet counts, 0..1.
        part: the first step that is taken, and that before which sampling ends; ``None`` for all.

    Returns:
        For ``dpm_adaptive``, which looks at the picture, a guess.

    Raises:
        InputError: this ComfyUI has no such sampler.
    """
    if sampler not in comfy.samplers.KSampler.SAMPLERS:
        remedy = "It may be one of a pack that is not installed."
        raise InputError("sampler_name", repr(sampler), ", ".join(comfy.samplers.KSampler.SAMPLERS), remedy)
    sigmas = comfy.samplers.KSampler(
        _patcher(model_sampling), steps, torch.device("cpu"), sampler, scheduler, denoise
    ).sigmas
    if part:
        sigmas = sigmas[part[0] : part[1] + 1]
    if len(sigmas) < 2:
        return 0, 0
    model = _Counter(model_sampling)
    noise = torch.zeros(1, 4, 1, 1)
    with torch.inference_mode():
        comfy.samplers.sampler_object(sampler).sample(
            model, sigmas, {"model_options": {}, "seed": 0}, None, noise, torch.zeros_like(noise), None, True
        )
    first, last = map(model_sampling.percent_to_sigma, control_range)
    return len(model.levels), sum(last <= level <= first for level in model.levels)


def _patcher(model_sampling: Any) -> Any:
    """What samplers ask of a MODEL; ComfyUI 0.33 logs the class of the model inside."""
    return SimpleNamespace(get_model_object=lambda name: model_sampling, model=None)


class _Counter:
    """A model that notes the noise levels it is asked at."""

    cfg = 1.0  # ComfyUI 0.33 logs it too

    def __init__(self, model_sampling: Any) -> None:
        self.inner_model = SimpleNamespace(model_sampling=model_sampling)
        self.model_patcher = _patcher(model_sampling)
        self.levels: list[float] = []

    def __call__(
        self, x: torch.Tensor, sigma: torch.Tensor, model_options: dict[str, Any], seed: int | None
    ) -> torch.Tensor:
        self.levels.append(float(sigma[0]))
        result = torch.zeros_like(x)
        for after_cfg in model_options.get("sampler_post_cfg_function", []):  # CFG++ samplers look at both prompts
            result = after_cfg({"denoised": result, "uncond_denoised": result, "model_options": model_options})
        return result
