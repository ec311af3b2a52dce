"""Requests sampled together against ComfyUI's own KSampler, each alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import comfy.clip_vision
import comfy.sampler_helpers
import comfy.samplers
import pytest
import torch
from comfy.k_diffusion import sampling
from comfy.model_management import InterruptProcessingException
from comfy.nested_tensor import NestedTensor
from comfy_execution.graph_utils import ExecutionBlocker
from comfy_extras import (
    nodes_apg,
    nodes_cfg,
    nodes_context_windows,
    nodes_easycache,
    nodes_lt,
    nodes_mahiro,
    nodes_model_advanced,
    nodes_wan,
)
from node_helpers import conditioning_set_values

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.models import OutOfMemory
from frugal_motion.nodes.sampling import request_sampler
from frugal_motion.nodes.sampling.node import FrugalBatchSampler, FrugalBatchSamplerAdvanced
from frugal_motion.nodes.sampling.request_sampler import sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings, alone_by_itself, rows_of_latent
from frugal_motion.nodes.sampling.sampler import MEMORY_MARGIN
from nodes import ControlNetApplyAdvanced, KSampler, KSamplerAdvanced, common_ksampler

from ..video_models import nets
from .conftest import ROUNDING, Diffusion

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
        prompt[0][1]["attention_mask"] = (torch.arange(tokens) < tokens - seed)[None].long()
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
    began, told = 0, []

    def count(step: int, denoised: torch.Tensor, noisy: torch.Tensor, of: int) -> None:
        nonlocal began
        began += step == 0

    results = sample_requests(model, requests, settings, count, told.append)
    for result in results:
        if isinstance(result, Exception):
            raise result
    assert began == batches, told
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
        assert off(one, other) <= ROUNDING


def changed(one: Request, **changes: Any) -> Request:
    return replace(one, **changes)


def holding(one: Request, **options: Any) -> Request:
    """With other options in its positive prompt."""
    return replace(one, positive=conditioning_set_values(one.positive, options))


@pytest.mark.parametrize("family", ["t2v", "vace", "ltxv"])
def test_a_request_alone_is_ksamplers_to_the_bit(family: str) -> None:
    model, settings, one = model_of(family), euler(sampler="dpmpp_2m_sde"), request(family, 1)
    (alone,) = together(model, [one], settings)
    assert torch.equal(alone, stock(model, one, settings))


@pytest.mark.parametrize("family", ["t2v", "fun22_control", "vace", "animate"])
def test_a_neighbour_does_not_count(family: str) -> None:
    model, one = model_of(family), request(family, 1)
    beside = [together(model, [one, request(family, other)], euler())[0] for other in (2, 3)]
    assert torch.equal(*beside)


def test_what_a_request_holds_counts() -> None:
    model, one, other = model_of("vace"), request("vace", 1), request("vace", 2)
    mixed = holding(one, vace_frames=frames_of(other))
    results = together(model, [one, mixed], euler())
    assert off(*results) > 0.01
    assert off(results[1], stock(model, mixed, euler())) <= ROUNDING


def frames_of(one: Request) -> Any:
    return one.positive[0][1]["vace_frames"]


@pytest.mark.slow
def test_a_face_counts_for_its_own_clip() -> None:
    """One step, as the net that looks at faces is of full size."""
    model, settings = model_of("animate"), euler(1.0, steps=1)
    with_faces = [
        changed(
            one, positive=conditioning_set_values(one.positive, {"face_video_pixels": seeded(n, 1, 3, 1, 512, 512)})
        )
        for n, one in enumerate((request("animate", 1), request("animate", 2)))
    ]
    for one, result in zip(with_faces, together(model, with_faces, settings), strict=True):
        assert off(result, stock(model, one, settings)) <= ROUNDING


def test_prompts_of_different_lengths_share_a_batch_of_wan() -> None:
    model, requests = model_of("t2v"), [request("t2v", 1, 7), request("t2v", 2, 21)]
    for one, result in zip(requests, together(model, requests, euler()), strict=True):
        assert off(result, stock(model, one, euler())) <= ROUNDING


def test_another_strength_of_vace_gets_a_batch_of_its_own() -> None:
    model, one = model_of("vace"), request("vace", 1)
    weaker = holding(changed(one, seed=5), vace_strength=[0.5])
    third = request("vace", 2)
    results = together(model, [one, weaker, third], euler(), batches=2)
    for given, result in zip((one, weaker, third), results, strict=True):
        assert off(result, stock(model, given, euler())) <= ROUNDING


def test_latents_of_several_rows_are_sampled_as_ksampler_does() -> None:
    model, settings = model_of("t2v"), euler(sampler="euler_ancestral")
    one, two = request("t2v", 1), request("t2v", 2)
    requests = [
        changed(one, latent={"samples": torch.zeros(2, 16, 3, 6, 8)}),
        two,
        changed(one, latent={"samples": torch.zeros(2, 16, 3, 6, 8), "batch_index": [3, 1]}, seed=9),
    ]
    for given, result in zip(requests, together(model, requests, settings), strict=True):
        assert off(result, stock(model, given, settings)) <= ROUNDING


def test_noise_masks_of_any_shape_share_a_batch() -> None:
    model, settings = model_of("t2v"), euler(denoise=0.7)
    requests = []
    for seed, shape in ((1, (1, 1, 6, 8)), (2, (1, 1, 3, 12, 16))):
        mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
        requests.append(
            changed(request("t2v", seed), latent={"samples": seeded(seed, 1, 16, 3, 6, 8), "noise_mask": mask})
        )
    plain = changed(requests[0], latent={"samples": seeded(1, 1, 16, 3, 6, 8)})
    results = together(model, [*requests, plain], settings, batches=2)
    for given, result in zip([*requests, plain], results, strict=True):
        assert off(result, stock(model, given, settings)) <= ROUNDING


class GuideVae:
    """Of LTX: a 32nd of the size, one latent for the first frame."""

    downscale_index_formula = (8, 32, 32)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        small = torch.nn.functional.avg_pool2d(pixels.movedim(-1, 1), 32)[:1]
        return small.repeat(1, 43, 1, 1)[:, :128, None] * 4 - 2


def guided(seed: int) -> Request:
    one = request("ltxv", seed)
    picture = clip(seed, 1, 128, 128)
    made = nodes_lt.LTXVAddGuide.execute(one.positive, one.negative, GuideVae(), one.latent, picture, 16, 0.9)
    positive, negative, latent = made.args
    return changed(one, positive=positive, negative=negative, latent=latent)


def test_clips_of_ltx_that_are_guided_share_a_batch() -> None:
    model, requests = model_of("ltxv"), [guided(1), guided(2)]
    assert "keyframe_idxs" in requests[0].positive[0][1] and "noise_mask" in requests[0].latent
    for one, result in zip(requests, together(model, requests, euler()), strict=True):
        assert off(result, stock(model, one, euler())) <= ROUNDING


def test_an_empty_latent_shares_no_batch_with_one_that_is_not() -> None:
    """ComfyUI does not shift an empty latent into the model's own range."""
    model, settings = model_of("t2v"), euler(denoise=0.5)
    requests = [request("t2v", 1), changed(request("t2v", 2), latent={"samples": seeded(2, 1, 16, 3, 6, 8)})]
    for given, result in zip(requests, together(model, requests, settings, batches=2), strict=True):
        assert torch.equal(result, stock(model, given, settings))


def test_two_experts_sample_all_requests_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    high, low = model_of("t2v"), nets.model("t2v", seed=8)
    first = euler(steps=4, first=0, last=2, leaves_noise=True)
    second = euler(steps=4, adds_noise=False, first=2, last=10000)
    requests = [request("t2v", seed) for seed in (1, 2, 3)]

    def by(sample: Any) -> list[torch.Tensor]:
        half = sample(high, requests, first)
        return sample(low, [changed(one, latent={"samples": x}) for one, x in zip(requests, half, strict=True)], second)

    alone = by(lambda model, given, settings: [stock(model, one, settings) for one in given])
    runs = []
    prepare = comfy.sampler_helpers.prepare_sampling

    def noted(model: Any, *more: Any, **by_name: Any) -> Any:
        runs.append(model)
        return prepare(model, *more, **by_name)

    monkeypatch.setattr(comfy.sampler_helpers, "prepare_sampling", noted)
    both = by(sample_requests)
    assert runs == [high, low], "each expert is loaded once"
    for one, other in zip(both, alone, strict=True):
        assert off(one, other) <= ROUNDING


def pictures(diffusion: Diffusion, count: int = 2, **latent: Any) -> list[Request]:
    def prompt(words: str) -> Any:
        return diffusion.clip.encode_from_tokens_scheduled(diffusion.clip.tokenize(words))

    words = ["a robot in the snow", "a king at night", "a marble statue"]
    return [
        Request(prompt(words[n]), diffusion.negative, {"samples": torch.zeros(1, 4, 8, 8), **latent}, seed=n)
        for n in range(count)
    ]


SAMPLERS = [name for name in comfy.samplers.KSampler.SAMPLERS if name != "dpm_adaptive"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_makes_clips_together_as_alone(sampler: str) -> None:
    model, settings, requests = model_of("t2v"), euler(sampler=sampler), [request("t2v", 1), request("t2v", 2)]
    for one, result in zip(requests, together(model, requests, settings), strict=True):
        assert off(result, stock(model, one, settings)) <= ROUNDING


@pytest.mark.parametrize("sampler", ["euler", "ddim", "euler_ancestral", "dpmpp_2m_sde", "lcm"])
def test_pictures_come_out_together_as_alone(diffusion: Diffusion, sampler: str) -> None:
    settings, requests = euler(7.0, sampler=sampler, scheduler="karras"), pictures(diffusion)
    for one, result in zip(requests, together(diffusion.model, requests, settings), strict=True):
        assert off(result, stock(diffusion.model, one, settings)) <= ROUNDING


def told_by(model: Any, requests: list[Request], settings: StepSettings) -> list[str]:
    """What is said of the batches; and each comes out as alone, to the bit."""
    told: list[str] = []
    results = sample_requests(model, requests, settings, tell=told.append)
    for one, result in zip(requests, results, strict=True):
        assert isinstance(result, torch.Tensor)
        assert torch.equal(result, stock(model, one, settings))
    return told


def test_a_sampler_that_looks_at_the_picture_samples_one_by_one() -> None:
    (told,) = told_by(model_of("t2v"), [request("t2v", 1), request("t2v", 2)], euler(sampler="dpm_adaptive"))
    assert "dpm_adaptive" in told


def test_prompts_under_a_control_net_sample_one_by_one(diffusion: Diffusion) -> None:
    hint = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1))
    requests = []
    for one in pictures(diffusion):
        applied = ControlNetApplyAdvanced().apply_controlnet(
            one.positive, one.negative, diffusion.control_net, hint, 1.0, 0.0, 1.0
        )
        requests.append(changed(one, positive=applied[0], negative=applied[1]))
    told = told_by(diffusion.model, requests, euler())
    assert len(told) == 2 and all("ControlNet" in each for each in told)


@pytest.mark.parametrize(
    "options",
    [{"noise_augmentation": 0.1}, {"unclip_conditioning": [{"strength": 1.0}]}],
    ids=str,
)
def test_what_the_model_adds_noise_to_is_sampled_by_itself(options: Any) -> None:
    assert alone_by_itself(holding(request("t2v", 1), **options), euler())


def test_a_latent_of_sound_and_picture_is_sampled_by_itself() -> None:
    parts = NestedTensor([torch.zeros(2, 8, 3, 4, 4), torch.zeros(2, 4, 9)])
    one = changed(request("t2v", 1), latent={"samples": parts})
    assert alone_by_itself(one, euler()) and rows_of_latent(one) == 2


def test_a_sampler_of_another_pack_samples_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample_mine(model: Any, x: torch.Tensor, sigmas: torch.Tensor, **more: Any) -> torch.Tensor:
        return sampling.sample_euler(model, x + 0.01 * x.mean(), sigmas, **more)

    monkeypatch.setattr(sampling, "sample_mine", sample_mine, raising=False)
    monkeypatch.setattr(comfy.samplers.KSampler, "SAMPLERS", [*comfy.samplers.KSampler.SAMPLERS, "mine"])
    (told,) = told_by(model_of("t2v"), [request("t2v", 1), request("t2v", 2)], euler(sampler="mine"))
    assert "mine" in told


def test_ddim_with_masks_samples_one_by_one(diffusion: Diffusion) -> None:
    mask = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    requests = pictures(diffusion, samples=seeded(1, 1, 4, 8, 8), noise_mask=mask)
    assert len(told_by(diffusion.model, requests, euler(sampler="ddim"))) == 2


@pytest.mark.parametrize("node", ["EasyCacheNode", "LazyCacheNode"])
def test_step_caches_sample_one_by_one(node: str) -> None:
    cached = getattr(nodes_easycache, node).execute(model_of("t2v"), 2.0, 0.0, 1.0, False).args[0]
    (told,) = told_by(cached, [request("t2v", 1), request("t2v", 2)], euler(steps=6))
    assert node.removesuffix("Node") in told


def test_context_windows_sample_one_by_one() -> None:
    cut = nodes_context_windows.ContextWindowsManualNode
    more = [False] if "freenoise" in {one.id for one in cut.define_schema().inputs} else []  # newer ComfyUI
    windowed = cut.execute(model_of("t2v"), 2, 1, "standard_static", 1, False, "pyramid", 2, *more).args[0]
    (told,) = told_by(windowed, [request("t2v", 1), request("t2v", 2)], euler())
    assert "context windows" in told


def test_animates_cache_samples_one_by_one() -> None:
    cached = model_of("t2v").clone()
    cached.model_options["transformer_options"]["animate2_cache"] = {}
    (told,) = told_by(cached, [request("t2v", 1), request("t2v", 2)], euler())
    assert "Animate 2" in told


def test_what_another_pack_puts_around_a_model_samples_one_by_one(diffusion: Diffusion) -> None:
    class Pack:
        def __call__(self, apply_model: Any, args: Any) -> Any:
            result = apply_model(args["input"], args["timestep"], **args["c"])
            return result + 0.01 * result.mean()

    wrapped = diffusion.model.clone()
    wrapped.set_model_unet_function_wrapper(Pack())
    (told,) = told_by(wrapped, pictures(diffusion), euler())
    assert "Pack" in told


def test_guidance_over_a_whole_batch_samples_one_by_one(diffusion: Diffusion) -> None:
    (told,) = told_by(nodes_mahiro.Mahiro.execute(diffusion.model).args[0], pictures(diffusion), euler())
    assert "Mahiro" in told


@pytest.mark.parametrize(
    "patched",
    [
        lambda model: nodes_model_advanced.RescaleCFG().patch(model, 0.7)[0],
        lambda model: nodes_cfg.CFGZeroStar.execute(model).args[0],
        lambda model: nodes_cfg.CFGNorm.execute(model, 1.0).args[0],
        lambda model: nodes_apg.APG.execute(model, 0.5, 5.0, 0.3).args[0],
    ],
    ids=["RescaleCFG", "CFGZeroStar", "CFGNorm", "APG"],
)
def test_guidance_by_the_row_shares_batches(diffusion: Diffusion, patched: Any) -> None:
    requests = pictures(diffusion)
    for one, result in zip(requests, together(patched(diffusion.model), requests, euler()), strict=True):
        assert off(result, stock(patched(diffusion.model), one, euler())) <= ROUNDING


def test_references_of_an_image_model_are_stacked_item_by_item() -> None:
    """What ReferenceLatent appends to, as in Flux Kontext and Qwen-Edit."""
    model, one = model_of("fun22_control"), request("fun22_control", 1)

    def referring(seed: int) -> Request:
        both = [seeded(seed, 1, 16, 1, 6, 8), seeded(seed + 1, 1, 16, 1, 6, 8)]
        return holding(changed(one, seed=seed), reference_latents=both)

    requests = [referring(1), referring(5)]
    for given, result in zip(requests, together(model, requests, euler()), strict=True):
        assert off(result, stock(model, given, euler())) <= ROUNDING


def test_a_bad_request_fails_alone() -> None:
    model, good = model_of("vace"), request("vace", 1)
    bad = {
        "latent": changed(good, latent={"samples": seeded(1, 1, 4, 3, 6, 8)}),
        "prompt": changed(good, positive=text(1, width=768)),
        "control": changed(
            good, positive=conditioning_set_values(good.positive, {"vace_mask": [torch.ones(1, 64, 2, 6, 8)]})
        ),
    }
    results = sample_requests(model, [good, *bad.values(), request("vace", 2)], euler())
    by_name = dict(zip(bad, results[1:4], strict=True))
    assert all(isinstance(result, Exception) for result in by_name.values())
    assert "4 channels" in str(by_name["latent"]) and "width 768" in str(by_name["prompt"])
    for given, result in ((good, results[0]), (request("vace", 2), results[4])):
        assert off(result, stock(model, given, euler())) <= ROUNDING


def test_a_control_of_another_size_than_the_latent_is_named() -> None:
    """As where Empty Latent Image is wired in place of what WanVaceToVideo gives."""
    model, good = model_of("vace"), request("vace", 1)
    bad = changed(good, latent={"samples": torch.zeros(1, 4, 8, 8)})
    (error,) = sample_requests(model, [bad], euler())
    assert isinstance(error, InputError)
    assert "positive: found a control of 8 x 6 x 4 latents; allowed: 8 x 8 x 1, as latent_image has" in str(error)


def test_a_negative_that_is_not_heeded_may_be_of_any_width() -> None:
    model, good = model_of("t2v"), request("t2v", 1)
    one = changed(good, negative=text(2, width=768))
    for given, result in zip([one, good], sample_requests(model, [one, good], euler(1.0)), strict=True):
        assert torch.equal(result, stock(model, given, euler(1.0)))


def test_short_memory_halves_batches_and_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    model, requests = model_of("t2v"), [request("t2v", seed) for seed in (1, 2, 3, 4, 5)]
    alone = [stock(model, one, euler(1.0)) for one in requests]
    sizes: list[int] = []
    apply = type(model.model).apply_model

    def small(self: Any, x: torch.Tensor, *more: Any, **by: Any) -> Any:
        sizes.append(len(x))
        if len(x) > 2:
            raise OutOfMemory
        return apply(self, x, *more, **by)

    monkeypatch.setattr(type(model.model), "apply_model", small)
    for _ in range(2):
        sizes.clear()
        results = sample_requests(model, requests, euler(1.0))
        for result, other in zip(results, alone, strict=True):
            assert off(result, other) <= ROUNDING
    assert max(sizes) == 2, "remembered from the first time"


def test_one_that_does_not_fit_alone_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model, small = model_of("t2v"), request("t2v", 1)
    large = changed(request("t2v", 2), latent={"samples": torch.zeros(1, 16, 3, 12, 8)})
    apply = type(model.model).apply_model

    def full(self: Any, x: torch.Tensor, *more: Any, **by: Any) -> Any:
        if x.shape[-2] > 6:
            raise OutOfMemory
        return apply(self, x, *more, **by)

    monkeypatch.setattr(type(model.model), "apply_model", full)
    result, error = sample_requests(model, [small, large], euler())
    assert isinstance(result, torch.Tensor) and isinstance(error, OutOfMemory)
    assert error.__traceback__ is None, "which would hold tensors"


def test_batches_are_cut_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model, requests = model_of("t2v"), [request("t2v", seed) for seed in (1, 2, 3)]
    each = model.memory_required([2, 16, 3, 6, 8]) * MEMORY_MARGIN
    monkeypatch.setattr(request_sampler, "free_memory", lambda device: 2.5 * each)
    together(model, requests, euler(), batches=2)


def test_cancelling_stops_all() -> None:
    def cancel(*step: Any) -> None:
        raise InterruptProcessingException

    with pytest.raises(InterruptProcessingException):
        sample_requests(model_of("t2v"), [request("t2v", 1), request("t2v", 2)], euler(), cancel)


@pytest.mark.parametrize("steps", [{"first": 2, "last": 2}, {"first": 7}, {"denoise": 0.0}])
def test_no_steps_give_what_ksampler_gives(steps: Any) -> None:
    model, settings, requests = model_of("t2v"), euler(**steps), [request("t2v", 1), request("t2v", 2)]
    for one, result in zip(requests, sample_requests(model, requests, settings), strict=True):
        assert torch.equal(result, stock(model, one, settings))


def node_lists(model: Any, requests: list[Request], **changes: Any) -> dict[str, list[Any]]:
    """What ComfyUI hands the node: every input as a list."""
    shared = {"steps": 3, "cfg": 5.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0, **changes}
    return {
        "model": [model],
        "positive": [one.positive for one in requests],
        "negative": [one.negative for one in requests],
        "latent_image": [one.latent for one in requests],
        "seed": [one.seed for one in requests],
        **{name: [value] for name, value in shared.items()},
    }


def test_the_node_keeps_order_and_blocks_what_is_behind_a_bad_request() -> None:
    model, bad = model_of("t2v"), changed(request("t2v", 2), positive=text(2, width=768))
    requests = [request("t2v", 1), bad, request("t2v", 3)]
    output = FrugalBatchSampler.execute(**node_lists(model, requests))
    (latents,) = output.args
    assert isinstance(latents[1], ExecutionBlocker)
    for place in (0, 2):
        assert off(latents[place]["samples"], stock(model, requests[place], euler())) <= ROUNDING
    (report,) = output.ui.as_dict()["text"]
    assert "2 requests shared 1 batch" in report and "request 2 is left out: positive: found text" in report
    assert "a second Batch Sampler behind this one runs for none of them" in report
    jobs = FrugalBatchSampler.execute_for_jobs(**node_lists(model, requests))
    assert list(jobs.left_out) == [1] and "width 768" in jobs.left_out[1]


def test_the_node_fails_if_all_requests_do() -> None:
    bad = changed(request("t2v", 2), positive=text(2, width=768))
    with pytest.raises(InputError, match="width 768"):
        FrugalBatchSampler.execute(**node_lists(model_of("t2v"), [bad, bad]))


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"positive": None}, "positive: found nothing"),
        ({"positive": "a dog"}, "positive: found a str"),
        ({"negative": [torch.zeros(1, 7, 4096)]}, "negative: found a list"),
        ({"latent": None}, "latent_image: found nothing"),
        ({"latent": {}}, "latent_image: found a dict"),
        ({"latent": {"samples": torch.zeros(0, 16, 3, 6, 8)}}, "latent_image: found a latent of no rows"),
    ],
)
@pytest.mark.parametrize("window", [0, 5])
def test_what_is_no_request_is_left_out(bad: dict[str, Any], error: str, window: int) -> None:
    """As of a switch whose branch has no wire."""
    model, good = model_of("t2v"), request("t2v", 1)
    lists = node_lists(model, [changed(good, **bad), good], window=window, overlap=4)
    output = FrugalBatchSampler.execute(**lists)
    (blocked, latent), (report,) = output.args[0], output.ui.as_dict()["text"]
    assert isinstance(blocked, ExecutionBlocker) and torch.isfinite(latent["samples"]).all()
    assert f"request 1 is left out: {error}" in report
    with pytest.raises(InputError, match=error):
        FrugalBatchSampler.execute(**node_lists(model, [changed(good, **bad)]))


@pytest.mark.parametrize("changes", [{"sampler_name": "none"}, {"scheduler": "none"}])
def test_unknown_settings_are_refused(changes: dict[str, str]) -> None:
    (name,) = changes
    with pytest.raises(InputError, match=name):
        FrugalBatchSampler.execute(**node_lists(model_of("t2v"), [request("t2v", 1)], **changes))


def test_seeds_alone_are_requests_and_other_keys_of_latents_stay() -> None:
    model, one = model_of("t2v"), changed(request("t2v", 1), latent={**request("t2v", 1).latent, "kept": 7})
    lists = {**node_lists(model, [one]), "seed": [1, 2, 3]}
    (latents,) = FrugalBatchSampler.execute(**lists).args
    assert [latent["kept"] for latent in latents] == [7] * 3
    for seed, latent in zip((1, 2, 3), latents, strict=True):
        assert off(latent["samples"], stock(model, changed(one, seed=seed), euler())) <= ROUNDING


def test_the_advanced_node_takes_what_ksampler_advanced_takes() -> None:
    model, requests = model_of("t2v"), [request("t2v", 1), request("t2v", 2)]
    lists = node_lists(
        model, requests, add_noise="enable", start_at_step=0, end_at_step=2, return_with_leftover_noise="enable"
    )
    lists["noise_seed"] = lists.pop("seed")
    del lists["denoise"]
    (latents,) = FrugalBatchSamplerAdvanced.execute(**lists).args
    given = {name: values[0] for name, values in lists.items()}
    for one, latent in zip(requests, latents, strict=True):
        own = {"noise_seed": one.seed, "latent_image": one.latent, "positive": one.positive, "negative": one.negative}
        (alone,) = KSamplerAdvanced().sample(**{**given, **own})
        assert off(latent["samples"], alone["samples"]) <= ROUNDING


@pytest.mark.parametrize(
    ("node", "core"), [(FrugalBatchSampler, KSampler), (FrugalBatchSamplerAdvanced, KSamplerAdvanced)]
)
def test_sockets_are_those_of_comfyuis_own_node(node: Any, core: Any) -> None:
    """A job's KSampler is done by it as it is."""
    inputs = {each.id: each for each in node.define_schema().inputs}
    wanted = core.INPUT_TYPES()["required"]
    assert wanted.keys() <= inputs.keys() and all(inputs[name].optional for name in inputs.keys() - wanted.keys())
    assert node.BATCHED.by_job < wanted.keys() and node.BATCHED.stands_for == (core.__name__,)
    for name, (kind, *options) in wanted.items():
        assert isinstance(kind, list) or inputs[name].get_io_type() == kind
        for limit in ("default", "min", "max"):
            if options and limit in options[0]:
                assert getattr(inputs[name], limit) == options[0][limit], name


@pytest.mark.parametrize("family", ["t2v", "fun_control", "vace", "animate"])
def test_half_a_patch_at_the_edge(family: str) -> None:
    """ComfyUI fills up what it samples, but not what guides VACE and Animate: it fails with the size of a tensor."""
    width, model = WIDTH + 8, model_of(family)
    prompts, film = (text(1), text(2)), clip(3, width=width)
    given: dict[str, Any] = {
        "t2v": lambda: (*prompts, {"samples": torch.zeros(1, 16, 3, HEIGHT // 8, width // 8)}),
        "fun_control": lambda: (
            nodes_wan.WanFunControlToVideo.execute(*prompts, vae(), width, HEIGHT, LENGTH, 1, control_video=film).args
        ),
        "vace": lambda: (
            nodes_wan.WanVaceToVideo.execute(*prompts, vae(), width, HEIGHT, LENGTH, 1, 1.0, control_video=film).args
        ),
        "animate": lambda: (
            nodes_wan.WanAnimateToVideo.execute(
                *prompts, vae(), width, HEIGHT, LENGTH, 1, 5, 0, reference_image=film[:1], pose_video=film
            ).args
        ),
    }
    one = Request(*given[family]()[:3], seed=5)
    try:
        wanted = stock(model, one, euler())
    except RuntimeError:
        (error,) = sample_requests(model, [one], euler())
        assert isinstance(error, InputError) and "multiples of 16" in str(error) and "72 x 48" in str(error)
        return
    (made,) = sample_requests(model, [one], euler())
    assert isinstance(made, torch.Tensor) and torch.equal(made, wanted)
