"""Control Range on a tiny VACE net, beside ComfyUI's own samplers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_sampling
import comfy.samplers
import pytest
import torch
from comfy.patcher_extension import WrappersMP

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.sampling.control_range import limited
from frugal_motion.nodes.sampling.request_sampler import sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings, alone_in_model
from nodes import KSampler, KSamplerAdvanced

from . import nets

STEPS = 8
SHAPE = (16, 3, 6, 8)


@pytest.fixture(autouse=True)
def _no_autograd() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def vace() -> Any:
    return nets.model("vace")


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def prompt(seed: int, strength: float = 1.0, rows: int = 1) -> Any:
    frames, mask = random(rows, 32, *SHAPE[1:], seed=seed + 1), torch.ones(rows, 64, *SHAPE[1:])
    options = {"vace_frames": [frames], "vace_mask": [mask], "vace_strength": [strength]}
    return [[random(rows, 7, 4096, seed=seed), options]]


def sample(model: Any, strength: float = 1.0, sampler: str = "euler", cfg: float = 3.0, rows: int = 1) -> torch.Tensor:
    latent = {"samples": torch.zeros(rows, *SHAPE)}
    prompts = prompt(1, strength, rows), prompt(5, strength, rows)
    return KSampler().sample(model, 3, STEPS, cfg, sampler, "simple", *prompts, latent)[0]["samples"]


def reference(model: Any, control_steps: range, cfg: float = 3.0) -> torch.Tensor:
    """All blocks run in every step, and their strength is 0 in all but some."""
    step = iter(range(STEPS))

    def weakened(apply_model: Any, args: dict[str, Any]) -> torch.Tensor:
        strength = {} if next(step) in control_steps else {"vace_strength": [0.0]}
        return apply_model(args["input"], args["timestep"], **{**args["c"], **strength})

    model = model.clone()
    model.set_model_unet_function_wrapper(weakened)
    return sample(model, cfg=cfg)


def two_samplers(model: Any, step: int) -> torch.Tensor:
    """One sampler with control up to a step, and one behind it without."""
    first, last = (1.0, "enable", 0, step, "enable"), (0.0, "disable", step, STEPS, "disable")
    latent = {"samples": torch.zeros(1, *SHAPE)}
    for strength, adds_noise, begin, end, keeps_noise in (first, last):
        prompts = prompt(1, strength), prompt(5, strength)
        (latent,) = KSamplerAdvanced().sample(
            model, adds_noise, 3, STEPS, 3.0, "euler", "simple", *prompts, latent, begin, end, keeps_noise
        )
    return latent["samples"]


@contextmanager
def counted(model: Any) -> Iterator[dict[str, int]]:
    """Rows that go through the net, and through the first block of its control."""
    net, rows = model.model.diffusion_model, {"net": 0, "control": 0}
    hooks = [
        module.register_forward_pre_hook(lambda _, args, name=name: rows.update({name: rows[name] + len(args[0])}))
        for name, module in (("net", net.blocks[0]), ("control", net.vace_blocks[0]))
    ]
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


# At 8 steps of the "simple" scheduler and a shift of 8, sigma of step 4 lies at 0.5.
@pytest.mark.parametrize(
    ("start", "end", "steps"), [(0.0, 0.49, range(4)), (0.51, 1.0, range(5, 8)), (0.3, 0.7, range(3, 6))]
)
@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_outside_it_is_strength_0_without_the_work(
    vace: Any, start: float, end: float, steps: range, cfg: float
) -> None:
    with counted(vace) as rows:
        found = sample(limited(vace, start, end), cfg=cfg)
    prompts = 2 if cfg != 1 else 1
    assert rows == {"net": STEPS * prompts, "control": len(steps) * prompts}
    assert torch.equal(found, reference(vace, steps, cfg))
    assert not torch.allclose(found, sample(vace, cfg=cfg), atol=1e-2), "control must matter here"


def test_it_is_two_samplers_behind_each_other(vace: Any) -> None:
    found = sample(limited(vace, 0.0, 0.49))
    assert torch.allclose(found, two_samplers(vace, 4), atol=1e-3)  # latents between two samplers are rounded


@pytest.mark.parametrize("sampler", ["uni_pc", "dpmpp_2m_sde", "heun"])
def test_never_is_strength_0_in_every_sampler(vace: Any, sampler: str) -> None:
    with counted(vace) as rows:
        found = sample(limited(vace, 1.0, 1.0), sampler=sampler)
    assert rows["control"] == 0
    assert torch.equal(found, sample(vace, strength=0.0, sampler=sampler))


def test_the_whole_range_changes_nothing(vace: Any) -> None:
    whole = limited(vace, 0.0, 1.0)
    assert torch.equal(sample(whole), sample(vace))
    assert WrappersMP.APPLY_MODEL not in whole.wrappers


def test_0_to_0_is_the_first_step_as_in_apply_control_net(vace: Any) -> None:
    assert torch.equal(sample(limited(vace, 0.0, 0.0)), reference(vace, range(1)))


def test_several_limits_all_hold(vace: Any) -> None:
    twice = limited(limited(vace, 0.0, 0.7), 0.3, 1.0)
    assert torch.equal(sample(twice), sample(limited(vace, 0.3, 0.7)))


def test_a_shift_that_is_set_behind_it_counts(vace: Any) -> None:
    """As for a ControlNet, noise levels are those of the model that is sampled."""

    class Shifted(comfy.model_sampling.ModelSamplingDiscreteFlow, comfy.model_sampling.CONST):
        pass

    def shifted(model: Any) -> Any:
        sampling = Shifted(model.model.model_config)
        sampling.set_parameters(shift=3.0, multiplier=1000)
        model = model.clone()
        model.add_object_patch("model_sampling", sampling)
        return model

    with counted(vace) as rows:
        behind = sample(shifted(limited(vace, 0.0, 0.49)))
    assert rows["control"] == 2 * 4
    assert torch.equal(behind, sample(limited(shifted(vace), 0.0, 0.49)))


def test_batches_clones_and_other_packs_patches(vace: Any) -> None:
    model = limited(vace, 0.0, 0.49).clone()
    calls: list[float] = []

    def of_another_pack(apply_model: Any, args: dict[str, Any]) -> torch.Tensor:
        calls.append(float(args["timestep"][0]))
        return apply_model(args["input"], args["timestep"], **args["c"])

    model.set_model_unet_function_wrapper(of_another_pack)
    found = sample(model, rows=2)
    assert len(calls) == STEPS
    assert torch.equal(found, sample(limited(vace, 0.0, 0.49), rows=2))
    assert not torch.equal(found, sample(vace, rows=2))


def test_requests_of_a_limited_model_share_batches(vace: Any) -> None:
    model, settings = limited(vace, 0.0, 0.49), StepSettings(STEPS, 3.0, "euler", "simple")
    latent = {"samples": torch.zeros(1, *SHAPE)}
    requests = [Request(prompt(seed), prompt(seed + 5), latent, seed) for seed in (1, 20)]
    with counted(vace) as rows:
        together = sample_requests(model, requests, settings)
    assert rows == {"net": STEPS * 4, "control": 4 * 4}
    assert alone_in_model(model, settings) == ""
    for request, found in zip(requests, together, strict=True):
        (alone,) = sample_requests(model, [request], settings)
        assert isinstance(found, torch.Tensor) and (found - alone).norm() / alone.norm() < 1e-4


def test_the_model_itself_stays_as_it_was(vace: Any) -> None:
    before = sample(vace)
    sample(limited(vace, 0.0, 0.2))
    assert torch.equal(sample(vace), before)


def test_a_net_that_fails_is_left_whole(vace: Any) -> None:
    mapping = dict(vace.model.diffusion_model.vace_layers_mapping)
    broken = limited(vace, 1.0, 1.0)
    broken.set_model_unet_function_wrapper(lambda apply, args: apply(args["input"], args["timestep"]))
    with pytest.raises((TypeError, AttributeError, RuntimeError)):
        sample(broken)
    assert vace.model.diffusion_model.vace_layers_mapping == mapping


@pytest.mark.parametrize("kind", ["t2v", "fun_control", "animate"])
def test_nets_without_such_blocks_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match="model: found .*WanModel; allowed: a VACE model"):
        limited(nets.model(kind), 0.0, 0.5)


def test_an_end_before_the_start_is_refused(vace: Any) -> None:
    with pytest.raises(InputError, match=r"end: found 0.2; allowed: 0.5 \(start\) to 1"):
        limited(vace, 0.5, 0.2)
