"""An estimate's rows are those that the sampler makes, to the row."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import comfy.samplers
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.forecast.edit_work import Edit, Rows, rows
from frugal_motion.nodes.forecast.edit_work import EditedClip as JobClip
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.calls import model_calls
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings

from .conftest import Diffusion

RATE = Fraction(12)
SIZE = 64


class Counter:
    """Stands in for both nets of the small model."""

    def __init__(self) -> None:
        self.unet = self.control = 0

    def run_unet(self, x, *_, **__):
        self.unet += len(x)
        return torch.zeros_like(x)

    def run_control(self, x, *_, **__):
        self.control += len(x)
        return {"output": [], "middle": []}


def sampled(
    diffusion: Diffusion, monkeypatch, chosen: SamplerSettings, plans, fit: int, control: Control | None
) -> Rows:
    """Rows of a pass of the real sampler over clips with these plans."""
    counter = Counter()
    with monkeypatch.context() as patch:
        patch.setattr(diffusion.model.model.diffusion_model, "forward", counter.run_unet)
        patch.setattr(diffusion.control_net.control_model, "forward", counter.run_control)
        patch.setattr(BatchSampler, "_rows_that_fit", lambda self: fit)
        clips = [
            SampledClip(
                diffusion.positive,
                diffusion.negative,
                torch.zeros(len(plan.frames), SIZE, SIZE, 3),
                plan,
                torch.zeros(len(plan.frames) if chosen.mode == "sparse" else plan.frame_count, 4, 8, 8),
            )
            for plan in plans
        ]
        for _ in BatchSampler(diffusion.model, diffusion.vae, control, chosen, clips, lambda *_: None).run():
            pass
    return Rows(counter.unet, counter.control)


def between(plan: Keyframes) -> Keyframes:
    return Keyframes(tuple(sorted(set(range(plan.frame_count)) - set(plan.frames))), plan.frame_count, plan.frame_rate)


SAMPLERS = ("euler", "dpmpp_2m", "heun", "dpm_2_ancestral", "dpmpp_sde", "uni_pc", "dpmpp_2m_cfg_pp", "lcm", "ddim")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.builds(partial(every_nth, frame_rate=RATE), st.integers(2, 14), every=st.integers(1, 5)), max_size=3),
    st.sampled_from(["sparse", "dense", "hybrid"]),
    st.integers(1, 6),
    st.sampled_from([1.0, 5.0]),
    st.sampled_from(SAMPLERS),
    st.sampled_from([1.0, 0.5]),
    st.sampled_from([(0.0, 1.0), (0.2, 0.6)]),
    st.integers(1, 30),
)
def test_rows_are_counted_as_they_are_made(
    diffusion, monkeypatch, plans, mode, steps, cfg, sampler, denoise, control_range, fit
) -> None:
    plans = plans or [every_nth(9, RATE, 4)]
    calls = partial(model_calls, diffusion.model.get_model_object("model_sampling"), sampler, "karras")
    job = Edit(
        tuple(JobClip(plan, (SIZE, SIZE), (SIZE, SIZE)) for plan in plans),
        mode,
        steps,
        refine_steps=2,
        cfg=cfg != 1 or "cfg_pp" in sampler,
        calls=lambda steps: calls(steps, denoise, control_range),
        refine_calls=lambda steps: calls(steps, 0.3),
    )
    control = Control(diffusion.control_net, 1.0, *control_range)
    first = SamplerSettings("dense" if mode == "dense" else "sparse", steps, cfg, sampler, "karras", denoise)
    made = sampled(diffusion, monkeypatch, first, plans, fit, control)
    if mode == "hybrid":
        rest = [between(plan) for plan in plans if len(plan.frames) < plan.frame_count]
        light = SamplerSettings("sparse", 2, cfg, sampler, "karras", 0.3)
        made += sampled(diffusion, monkeypatch, light, rest, fit, None) if rest else Rows()
    assert rows(job, fit) == made


@pytest.mark.parametrize("sampler", comfy.samplers.KSampler.SAMPLERS)
def test_every_sampler_can_be_asked(diffusion, sampler) -> None:
    levels = diffusion.model.get_model_object("model_sampling")
    calls, controlled = model_calls(levels, sampler, "normal", 10, 1.0, (0.0, 0.5))
    assert 10 <= calls <= 30 and 0 < controlled < calls


def test_nothing_is_run_when_nothing_is_to_be_changed(diffusion) -> None:
    assert model_calls(diffusion.model.get_model_object("model_sampling"), "euler", "karras", 10, 0.0) == (0, 0)
