"""Requests sampled together against ComfyUI's own KSampler, each alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import comfy.clip_vision
import pytest
import torch
from comfy_extras import nodes_lt, nodes_wan

from frugal_motion.nodes.sampling.request_sampler import sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings
from nodes import common_ksampler

from ..video_models import nets
from .conftest import Diffusion

WIDTH, HEIGHT, LENGTH = 64, 48, 9
"""Three frames of latents, of 8 x 6."""


def seeded(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def text(seed: int, tokens: int = 7, width: int = 4096) -> Any:
    return [[seeded(seed, 1, tokens, width) * 0.5, {"pooled_output": None}]]


def clip(seed: int, frames: int = LENGTH, width: int = WIDTH, height: int = HEIGHT) -> torch.Tensor:
    small = torch.rand(frames, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (height, width)).movedim(1, -1)


def seen(seed: int) -> Any:
    output = comfy.clip_vision.Output()
    output.penultimate_hidden_states = seeded(seed, 1, 257, 1280)
    output.mm_projected = None
    return output


@cache
def vae() -> Any:
    return nets.vae()


@cache
def model_of(family: str) -> Any:
    return nets.model(family)


def _t2v(seed: int, tokens: int) -> tuple[Any, ...]:
    return text(seed, tokens), text(seed + 50, tokens), {"samples": torch.zeros(1, 16, 3, HEIGHT // 8, WIDTH // 8)}


def _wan(node: Any, *sizes: Any, **inputs: Any) -> Any:
    def made(seed: int, tokens: int) -> tuple[Any, ...]:
        given = {name: make(seed) for name, make in inputs.items()}
        prompts = text(seed, tokens), text(seed + 50, tokens)
        return tuple(node.execute(*prompts, vae(), WIDTH, HEIGHT, LENGTH, 1, *sizes, **given).args[:3])

    return made


def _picture(seed: int) -> torch.Tensor:
    return clip(seed + 9, 1)


def _ltxv(seed: int, tokens: int) -> tuple[Any, ...]:
    positive, negative = text(seed, tokens), text(seed + 50, tokens)
    for prompt in (positive, negative):
        prompt[0][1]["attention_mask"] = torch.ones(1, tokens)
    positive, negative = nodes_lt.LTXVConditioning.execute(positive, negative, 25.0).args
    return positive, negative, {"samples": torch.zeros(1, 128, 3, 4, 4)}


FAMILIES: dict[str, Any] = {
    "t2v": _t2v,
    "i2v": _wan(nodes_wan.WanImageToVideo, start_image=_picture, clip_vision_output=seen),
    "fun_control": _wan(
        nodes_wan.WanFunControlToVideo, start_image=_picture, clip_vision_output=seen, control_video=clip
    ),
    "fun22_control": _wan(nodes_wan.Wan22FunControlToVideo, ref_image=_picture, control_video=clip),
    "vace": _wan(nodes_wan.WanVaceToVideo, 1.0, control_video=clip, reference_image=_picture),
    "animate": _wan(
        nodes_wan.WanAnimateToVideo,
        5,
        0,
        reference_image=_picture,
        clip_vision_output=seen,
        face_video=lambda seed: clip(seed + 3, LENGTH, 512, 512),
        pose_video=clip,
    ),
    "ltxv": _ltxv,
}


@cache
def request(family: str, seed: int, tokens: int = 7) -> Request:
    return Request(*FAMILIES[family](seed, tokens), seed=1000 + seed)


def stock(model: Any, one: Request, settings: StepSettings) -> torch.Tensor:
    """What ComfyUI's KSampler, or KSampler (Advanced), makes of a request."""
    return common_ksampler(  # type: ignore[no-any-return]
        model,
        one.seed,
        settings.steps,
        settings.cfg,
        settings.sampler,
        settings.scheduler,
        one.positive,
        one.negative,
        dict(one.latent),
        denoise=settings.denoise,
        disable_noise=not settings.adds_noise,
        start_step=settings.first,
        last_step=settings.last,
        force_full_denoise=not settings.leaves_noise,
    )[0]["samples"]


def together(model: Any, requests: list[Request], settings: StepSettings, batches: int = 1) -> list[torch.Tensor]:
    """Sample requests, and see that they took so many batches."""
    steps: list[int] = []
    results = sample_requests(model, requests, settings, lambda step, denoised, noisy, of: steps.append(len(denoised)))
    for result in results:
        if isinstance(result, Exception):
            raise result
    count = settings.steps * batches
    assert len(steps) == count, f"{len(steps)} steps, not {count}"
    return results  # type: ignore[return-value]


def off(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative L2."""
    assert one.shape == other.shape
    return float((one - other).norm() / other.norm())


def euler(cfg: float = 5.0, **changes: Any) -> StepSettings:
    return StepSettings(**{"steps": 3, "cfg": cfg, "sampler": "euler", "scheduler": "simple", **changes})


@pytest.mark.parametrize("sampler", ["euler", "uni_pc", "lcm", "dpmpp_2m_sde"])
@pytest.mark.parametrize("cfg", [1.0, 5.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_requests_come_out_as_from_ksampler_alone(family: str, cfg: float, sampler: str) -> None:
    model, settings = model_of(family), euler(cfg, sampler=sampler)
    requests = [request(family, 1), request(family, 2)]
    alone = [stock(model, one, settings) for one in requests]
    assert off(*alone) > 0.1, "they are to be told apart"
    for one, other in zip(together(model, requests, settings), alone, strict=True):
        assert off(one, other) <= 1e-5
