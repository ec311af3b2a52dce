"""Clips with references (Flux Kontext and its like): each comes out of a shared batch as ComfyUI samples it alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from comfy_extras.nodes_edit_model import ReferenceLatent
from comfy_extras.nodes_flux import FluxGuidance, FluxKontextMultiReferenceLatentMethod

from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.sampler import BatchSampler, SampledClip, SamplerSettings, grouped
from nodes import common_ksampler

from .conftest import ROUNDING
from .families import Family, flux

SETTINGS = SamplerSettings("sparse", steps=3, cfg=3.0, sampler="euler", scheduler="simple")
PLANS = [every_nth(9, Fraction(12), 4), every_nth(5, Fraction(12), 4)]


@pytest.fixture(scope="module")
def family() -> Family:
    return flux()


def text(seed: int, length: int = 7) -> Any:
    generator = torch.Generator().manual_seed(seed)
    pooled = torch.randn(1, 24, generator=generator)
    return [[torch.randn(1, length, 64, generator=generator), {"pooled_output": pooled}]]


def with_references(prompt: Any, seed: int, method: str | None = None, sizes: tuple[int, ...] = (8, 6)) -> Any:
    """As ComfyUI's own nodes make it."""
    generator = torch.Generator().manual_seed(seed)
    for size in sizes:
        latent = {"samples": torch.randn(1, 16, size, 8, generator=generator)}
        (prompt,) = ReferenceLatent.execute(prompt, latent).args
    if method:
        (prompt,) = FluxKontextMultiReferenceLatentMethod.execute(prompt, method).args
    return FluxGuidance.execute(prompt, 2.5).args[0]


def clip(positive: Any, plan: Any, seed: int) -> SampledClip:
    rows = len(plan.frames)
    return SampledClip(positive, text(9), torch.zeros(rows, 64, 64, 3), plan, torch.zeros(rows, 16, 8, 8), seed)


def sampled(family: Family, clips: list[SampledClip]) -> list[torch.Tensor]:
    latents: list[list[torch.Tensor]] = [[] for _ in clips]
    for number, part in BatchSampler(family.model, None, None, SETTINGS, clips, lambda *_: None).run():
        latents[number].append(part)
    return [torch.cat(parts) for parts in latents]


def stock(family: Family, clip: SampledClip) -> torch.Tensor:
    """A frame of the clip by ComfyUI's KSampler; all start from the same noise."""
    latent = {"samples": torch.zeros(1, *family.latent)}
    (made,) = common_ksampler(family.model, clip.seed, 3, 3.0, "euler", "simple", clip.positive, clip.negative, latent)
    return made["samples"]  # type: ignore[no-any-return]


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("method", [None, "offset", "index", "uxo/uno"])
def test_clips_with_references_share_a_batch_and_come_out_as_alone(family: Family, method: str | None) -> None:
    prompts = [with_references(text(seed), seed, method) for seed in (1, 2)]
    clips = [clip(prompt, plan, seed) for prompt, plan, seed in zip(prompts, PLANS, (3, 4), strict=True)]
    assert grouped(clips, family.model) == [[0, 1]]
    for together, one in zip(sampled(family, clips), clips, strict=True):
        expected = stock(family, one)
        assert distance(together, expected.expand_as(together)) < ROUNDING
    swapped = replace(clips[0], positive=with_references(text(1), 2, method))
    assert distance(stock(family, swapped), stock(family, clips[0])) > 0.01, "references must matter"


def test_references_of_other_sizes_are_sampled_apart(family: Family) -> None:
    prompts = [with_references(text(seed), seed, sizes=sizes) for seed, sizes in ((1, (8,)), (2, (6,)), (3, (8, 6)))]
    clips = [clip(prompt, PLANS[0], 3) for prompt in prompts]
    assert grouped(clips, family.model) == [[0], [1], [2]]


def test_a_transformer_s_text_is_not_repeated(family: Family) -> None:
    """Text and picture share one attention here: repeated words would count for more."""
    clips = [clip(text(1), PLANS[0], 3), clip(text(2, length=14), PLANS[0], 4)]
    groups = grouped(clips, family.model)
    for group in groups:
        for together, number in zip(sampled(family, [clips[i] for i in group]), group, strict=True):
            expected = stock(family, clips[number])
            assert distance(together, expected.expand_as(together)) < ROUNDING


def test_a_reference_for_every_frame_goes_to_its_frame(family: Family) -> None:
    """A clip as references, VAE-encoded frame by frame."""
    frames = torch.randn(9, 16, 8, 8, generator=torch.Generator().manual_seed(6))
    (whole,) = ReferenceLatent.execute(text(1), {"samples": frames}).args
    made = sampled(family, [clip(whole, PLANS[0], 3)])[0]
    for row, frame in enumerate(PLANS[0].frames):
        (single,) = ReferenceLatent.execute(text(1), {"samples": frames[frame : frame + 1]}).args
        assert distance(made[row : row + 1], stock(family, clip(single, PLANS[0], 3))) < ROUNDING
