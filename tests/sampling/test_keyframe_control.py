"""The keyframed ControlNet in ComfyUI's own nodes and samplers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import comfy.samplers
import pytest
import torch
from comfy_extras import nodes_custom_sampler as custom_sampling

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.keyframe_control import keyframed
from nodes import ConditioningSetArea, ConditioningSetMask, ControlNetApplyAdvanced, common_ksampler

from .conftest import Diffusion, hints

FRAMES = 9


def sample(diffusion: Diffusion, control: Any, images: torch.Tensor, start: float = 0.0, end: float = 1.0) -> Any:
    """A stock KSampler run over all frames, each with noise of its own."""
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        diffusion.positive, diffusion.negative, control, images, 0.9, start, end
    )
    latent = {"samples": torch.zeros(FRAMES, 4, 8, 8)}
    return common_ksampler(diffusion.model, 7, 3, 4.0, "dpmpp_2m", "karras", positive, negative, latent)[0]["samples"]


class Counter:
    """Counts the rows that the ControlNet's net is given."""

    def __init__(self, control_net: Any) -> None:
        self.rows = 0
        self._hook = control_net.control_model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _: Any, __: Any, kwargs: dict[str, Any]) -> None:
        self.rows += kwargs["x"].shape[0]

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.2, 0.7)])
def test_every_frame_a_keyframe_is_bit_identical_to_stock(diffusion: Diffusion, start: float, end: float) -> None:
    stock = sample(diffusion, diffusion.control_net, hints(FRAMES), start, end)
    control = keyframed(diffusion.control_net, every_nth(FRAMES, Fraction(12), 1))
    assert torch.equal(sample(diffusion, control, hints(FRAMES), start, end), stock)
    without = sample(diffusion, diffusion.control_net, torch.zeros_like(hints(FRAMES)), start, end)
    assert not torch.allclose(stock, without, atol=1e-3), "the hints must matter for this to prove anything"


def test_only_keyframes_reach_the_net(diffusion: Diffusion) -> None:
    with Counter(diffusion.control_net) as stock:
        sample(diffusion, diffusion.control_net, hints(FRAMES))
    with Counter(diffusion.control_net) as sparse:
        sample(diffusion, keyframed(diffusion.control_net, every_nth(FRAMES, Fraction(12), 4)), hints(FRAMES))
    assert sparse.rows * FRAMES == stock.rows * 3  # frames 0, 4, 8


def test_hints_of_keyframes_alone_are_enough(diffusion: Diffusion) -> None:
    plan = every_nth(FRAMES, Fraction(12), 4)
    control = keyframed(diffusion.control_net, plan)
    every = sample(diffusion, control, hints(FRAMES))
    assert torch.equal(sample(diffusion, control, hints(FRAMES)[list(plan.frames)]), every)


def test_chained_controls_add_up_as_in_stock(diffusion: Diffusion) -> None:
    def chained(first: Any, second: Any) -> Any:
        apply = ControlNetApplyAdvanced().apply_controlnet
        positive, negative = apply(diffusion.positive, diffusion.negative, first, hints(FRAMES), 0.5, 0.0, 1.0)
        positive, negative = apply(positive, negative, second, hints(FRAMES).flip(0), 0.8, 0.0, 1.0)
        latent = {"samples": torch.zeros(FRAMES, 4, 8, 8)}
        return common_ksampler(diffusion.model, 7, 2, 4.0, "euler", "karras", positive, negative, latent)[0]["samples"]

    net, plan = diffusion.control_net, every_nth(FRAMES, Fraction(12), 1)
    assert torch.equal(chained(keyframed(net, plan), keyframed(keyframed(net, plan), plan)), chained(net, net))


@pytest.mark.parametrize("part", ["area", "mask", "mask bounds"])
def test_prompts_for_a_part_of_the_picture(diffusion: Diffusion, part: str) -> None:
    mask = torch.zeros(1, 64, 64)
    mask[:, 16:56, 8:40] = 1

    def of_part(conditioning: Any) -> Any:
        if part == "area":
            return ConditioningSetArea().append(conditioning, 32, 40, 8, 16, 0.8)[0]
        return ConditioningSetMask().append(conditioning, mask, "default" if part == "mask" else part, 0.8)[0]

    def regional(net: Any, images: torch.Tensor) -> torch.Tensor:
        apply = ControlNetApplyAdvanced().apply_controlnet
        inside, negative = apply(of_part(diffusion.positive), diffusion.negative, net, images, 0.9, 0.0, 1.0)
        latent = {"samples": torch.zeros(FRAMES, 4, 8, 8)}
        positive = [*diffusion.positive, *inside]
        made = common_ksampler(diffusion.model, 7, 2, 4.0, "euler", "karras", positive, negative, latent)
        samples: torch.Tensor = made[0]["samples"]
        return samples

    net = diffusion.control_net
    exact = regional(net, hints(FRAMES))
    assert torch.equal(regional(keyframed(net, every_nth(FRAMES, Fraction(12), 1)), hints(FRAMES)), exact)
    sparse = regional(keyframed(net, every_nth(FRAMES, Fraction(12), 4)), hints(FRAMES))
    other = regional(net, hints(FRAMES).flip(0))
    assert 0 < (sparse - exact).abs().mean() < (other - exact).abs().mean()


def test_in_sampler_custom_advanced(diffusion: Diffusion) -> None:
    def custom(net: Any) -> torch.Tensor:
        positive, _ = ControlNetApplyAdvanced().apply_controlnet(
            diffusion.positive, diffusion.negative, net, hints(FRAMES), 0.9, 0.0, 1.0
        )
        guider = custom_sampling.Guider_Basic(diffusion.model)
        guider.set_conds(positive)
        sampler = comfy.samplers.sampler_object("res_multistep")
        sigmas = comfy.samplers.calculate_sigmas(diffusion.model.get_model_object("model_sampling"), "simple", 3)
        noise = custom_sampling.Noise_RandomNoise(7)
        latent = {"samples": torch.zeros(FRAMES, 4, 8, 8)}
        output = custom_sampling.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent)
        samples: torch.Tensor = output.args[0]["samples"]
        return samples

    net = diffusion.control_net
    assert torch.equal(custom(keyframed(net, every_nth(FRAMES, Fraction(12), 1))), custom(net))
    with Counter(net) as counter:
        custom(keyframed(net, every_nth(FRAMES, Fraction(12), 4)))
    assert counter.rows == 3 * 3, "steps x keyframes; there is no negative prompt"


def test_hints_that_fit_neither_are_refused(diffusion: Diffusion) -> None:
    control = keyframed(diffusion.control_net, every_nth(FRAMES, Fraction(12), 4))
    with pytest.raises(InputError, match=r"control images: found 5; allowed: 1, 3 .* or 9"):
        control.set_cond_hint(hints(5).movedim(-1, 1))


def test_another_batch_than_planned_is_refused(diffusion: Diffusion) -> None:
    control = keyframed(diffusion.control_net, every_nth(FRAMES + 1, Fraction(12), 4))
    with pytest.raises(InputError, match="latent batch: found 9 frames; allowed: 10"):
        sample(diffusion, control, hints(FRAMES + 1))


def test_residuals_are_used_twice_if_asked(diffusion: Diffusion) -> None:
    plan = every_nth(FRAMES, Fraction(12), 4)
    with Counter(diffusion.control_net) as every:
        exact = sample(diffusion, keyframed(diffusion.control_net, plan), hints(FRAMES))
    with Counter(diffusion.control_net) as other:
        reused = sample(diffusion, keyframed(diffusion.control_net, plan, 2), hints(FRAMES))
    assert every.rows == 3 * 3 * 2 and other.rows == 2 * 3 * 2, "steps x keyframes x prompts"
    free = sample(diffusion, diffusion.control_net, torch.zeros_like(hints(FRAMES)))
    assert 0 < (reused - exact).abs().mean() < 0.3 * (exact - free).abs().mean()


def test_reused_residuals_end_with_the_range(diffusion: Diffusion) -> None:
    plan = every_nth(FRAMES, Fraction(12), 1)
    for start, end in ((0.0, 0.0), (0.0, 0.7)):
        exact, reused = (
            sample(diffusion, keyframed(diffusion.control_net, plan, reuse), hints(FRAMES), start, end)
            for reuse in (1, 8)
        )
        off = sample(diffusion, diffusion.control_net, hints(FRAMES), 0.99, 1.0)
        assert (reused - exact).abs().mean() <= (exact - off).abs().mean()


def test_bad_reuse(diffusion: Diffusion) -> None:
    with pytest.raises(InputError, match="reuse_steps: found 0"):
        keyframed(diffusion.control_net, every_nth(FRAMES, Fraction(12), 4), 0)
