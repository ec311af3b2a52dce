"""An independent oracle: the same weights, sampled by diffusers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import comfy.sample
import comfy.utils
import pytest
import torch
from diffusers import ControlNetModel, DPMSolverMultistepScheduler, UNet2DConditionModel

from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings

from . import families
from .conftest import hints

STEPS, CFG, SEED = 15, 5.0, 3
SIZES: dict[str, Any] = {
    "block_out_channels": (32, 64, 128, 128),
    "layers_per_block": 2,
    "cross_attention_dim": 64,
    "attention_head_dim": 8,  # the number of heads, in diffusers
}


@pytest.fixture(scope="module")
def family() -> families.Family:
    return families.sd15()


@pytest.fixture(scope="module")
def unet(family: families.Family) -> UNet2DConditionModel:
    """The UNet as diffusers builds it."""
    net = UNet2DConditionModel(**SIZES)
    net.load_state_dict(_renamed(family.model.model.diffusion_model, net, {}))
    return net.eval()


@pytest.fixture(scope="module")
def control_net(family: families.Family) -> ControlNetModel:
    """The ControlNet as diffusers builds it."""
    net = ControlNetModel(**SIZES)
    last = len(net.controlnet_cond_embedding.blocks) + 1
    names = {"controlnet_mid_block": "middle_block_out.0", "controlnet_cond_embedding.conv_in": "input_hint_block.0"}
    names |= {f"controlnet_down_blocks.{i}": f"zero_convs.{i}.0" for i in range(len(net.controlnet_down_blocks))}
    names |= {f"controlnet_cond_embedding.blocks.{i - 1}": f"input_hint_block.{2 * i}" for i in range(1, last)}
    names["controlnet_cond_embedding.conv_out"] = f"input_hint_block.{2 * last}"
    net.load_state_dict(_renamed(family.control_net.control_model, net, names))
    return net.eval()


def _renamed(ours: torch.nn.Module, theirs: torch.nn.Module, names: dict[str, str]) -> dict[str, torch.Tensor]:
    """Weights under diffusers' names, every one of them."""
    names = {f"{name}.{kind}": f"{ldm}.{kind}" for name, ldm in names.items() for kind in ("weight", "bias")}
    names = comfy.utils.unet_to_diffusers(families.UNET) | names
    weights = ours.state_dict()
    return {name: weights[names[name]] for name in theirs.state_dict()}


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_a_whole_run_agrees(
    family: families.Family, unet: UNet2DConditionModel, control_net: ControlNetModel, strength: float
) -> None:
    plan = every_nth(5, Fraction(12), 4)
    clip = SampledClip(family.positive, family.negative, hints(2), plan, torch.zeros(2, 4, 8, 8), SEED)
    settings = SamplerSettings(steps=STEPS, cfg=CFG)
    sampler = BatchSampler(family.model, None, Control(family.control_net, strength), settings, [clip], lambda *_: None)
    latents = torch.cat([part for _, part in sampler.run()])
    expected = _sampled(family, unet, control_net, strength) / family.model.model.latent_format.scale_factor
    assert latents.std() > 0.1
    assert (latents - expected).abs().max() <= 1e-3 * expected.abs().max()
    is_controlled = (expected[0] - expected[1]).abs().max() > 0.01 * expected.abs().max()
    assert is_controlled == (strength > 0)


def _sampled(
    family: families.Family, unet: UNet2DConditionModel, control_net: ControlNetModel, strength: float
) -> torch.Tensor:
    """DPM++ 2M Karras with classifier-free guidance under ControlNet, both frames from one noise."""
    scheduler = DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", use_karras_sigmas=True
    )
    scheduler.set_timesteps(STEPS)
    text = torch.cat([prompt[0][0].expand(2, -1, -1) for prompt in (family.positive, family.negative)])
    hint = hints(2).movedim(-1, 1).repeat(2, 1, 1, 1)
    sample: Any = comfy.sample.prepare_noise(torch.zeros(1, 4, 8, 8), SEED).repeat(2, 1, 1, 1)
    for timestep in scheduler.timesteps:
        rows = sample.repeat(2, 1, 1, 1)
        down, middle = control_net(rows, timestep, text, hint, conditioning_scale=strength, return_dict=False)
        residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        with_prompt, without = unet(rows, timestep, text, **residuals).sample.chunk(2)
        sample = scheduler.step(without + CFG * (with_prompt - without), timestep, sample).prev_sample
    return sample
