"""An independent oracle: the same weights, sampled by diffusers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import comfy.sample
import comfy.utils
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel

from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.sampler import BatchSampler, Clip, Control, Settings

from . import untrained
from .conftest import Diffusion, hints

STEPS, CFG, SEED = 15, 5.0, 3
PREFIX = "model.diffusion_model."


@pytest.fixture(scope="module")
def oracle(diffusion: Diffusion) -> UNet2DConditionModel:
    """The untrained checkpoint's UNet as diffusers builds it."""
    unet = UNet2DConditionModel(
        block_out_channels=(320,),
        down_block_types=("CrossAttnDownBlock2D",),
        mid_block_type=None,
        up_block_types=("CrossAttnUpBlock2D",),
        layers_per_block=1,
        cross_attention_dim=768,
        attention_head_dim=8,
    )
    weights = untrained.checkpoint()
    names = comfy.utils.unet_to_diffusers(diffusion.model.model.model_config.unet_config)
    wanted = unet.state_dict()
    unet.load_state_dict({name: weights[PREFIX + names[name]].float() for name in wanted})
    return unet.eval()


def test_a_whole_run_agrees(diffusion: Diffusion, oracle: UNet2DConditionModel) -> None:
    plan = every_nth(5, Fraction(12), 4)
    clip = Clip(diffusion.positive, diffusion.negative, hints(2), plan, torch.zeros(2, 4, 8, 8), SEED)
    control = Control(diffusion.control_net, strength=0.0)
    made = BatchSampler(
        diffusion.model, diffusion.vae, control, Settings(steps=STEPS, cfg=CFG), [clip], lambda *_: None
    )
    latents = torch.cat([part for _, part in made.run()])
    expected = _sampled(oracle, diffusion) / diffusion.model.model.latent_format.scale_factor
    assert latents.std() > 0.1
    assert (latents - expected).abs().max() <= 1e-3 * expected.abs().max()


def _sampled(unet: UNet2DConditionModel, diffusion: Diffusion) -> torch.Tensor:
    """DPM++ 2M Karras with classifier-free guidance, both frames from one noise."""
    scheduler = DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", use_karras_sigmas=True
    )
    scheduler.set_timesteps(STEPS)
    text = torch.cat([diffusion.positive[0][0], diffusion.negative[0][0]]).float()
    sample: Any = comfy.sample.prepare_noise(torch.zeros(1, 4, 8, 8), SEED)
    for timestep in scheduler.timesteps:
        with_prompt, without = unet(sample.repeat(2, 1, 1, 1), timestep, text).sample.chunk(2)
        sample = scheduler.step(without + CFG * (with_prompt - without), timestep, sample).prev_sample
    return sample.repeat(2, 1, 1, 1)
