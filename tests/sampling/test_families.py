"""The keyframed ControlNet with every family of ControlNets that ComfyUI has."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import comfy.controlnet
import comfy.model_management
import pytest
import torch
from comfy.t2i_adapter.adapter import Adapter, Adapter_light

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.editor import ClipInput, Editor, EditSettings, Models
from frugal_motion.nodes.sampling.families import check_families
from frugal_motion.nodes.sampling.keyframe_control import keyframed
from frugal_motion.nodes.sampling.node import FrugalKeyframeControlNet
from frugal_motion.nodes.sampling.sampler import Control, SamplerSettings
from nodes import ControlNetApplyAdvanced, common_ksampler

from .conftest import Diffusion, hints
from .families import FAMILIES, Family, sd15, sdxl

FRAMES = 9


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return FAMILIES[request.param]()


def sample(family: Family, control: Any, images: torch.Tensor, strength: float = 0.9) -> torch.Tensor:
    """A stock KSampler run over all frames.

    The model is loaded before: KSampler computes noise levels where the model lies, so a first run took them from the
    CPU and a second from the card, whose ``exp`` may round the last bit otherwise.
    """
    comfy.model_management.load_models_gpu([family.model])
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        family.positive, family.negative, control, images, strength, 0.0, 0.8, vae=family.vae
    )
    latent = {"samples": torch.zeros(len(images), *family.latent)}
    sampled = common_ksampler(family.model, 7, 3, 4.0, "euler", "normal", positive, negative, latent)
    made: torch.Tensor = sampled[0]["samples"]
    return made


def test_every_frame_a_keyframe_is_bit_identical_to_stock(family: Family) -> None:
    stock = sample(family, family.control_net, hints(FRAMES))
    control = keyframed(family.control_net, every_nth(FRAMES, Fraction(12), 1))
    ours = sample(family, control, hints(FRAMES))
    assert torch.equal(ours, stock), _differences(family, ours, stock)
    other = sample(family, family.control_net, hints(FRAMES).flip(0))
    assert (stock - other).abs().max() > 0.01 * stock.abs().max(), "the hints must matter for this to prove anything"


def _differences(family: Family, ours: torch.Tensor, stock: torch.Tensor) -> str:
    """How far apart they are, and whether stock gives itself again."""
    again = sample(family, family.control_net, hints(FRAMES))
    of_ours, of_stock = (float((one - stock).abs().max()) for one in (ours, again))
    return f"from stock by up to {of_ours:.3g}, stock from itself by {of_stock:.3g}, of {float(stock.abs().max()):.3g}"


def test_residuals_of_keyframes_are_those_of_stock(family: Family) -> None:
    plan = every_nth(FRAMES, Fraction(12), 4)
    stock = _residuals(family, family.control_net, list(plan.frames))
    ours = _residuals(family, keyframed(family.control_net, plan), list(range(FRAMES)))
    for place, residuals in stock.items():
        assert len(ours[place]) == len(residuals)
        for ours_, stocks in zip(ours[place], residuals, strict=True):
            if stocks is None:
                assert ours_ is None
                continue
            chunks = ours_.unflatten(0, (2, FRAMES))
            assert torch.equal(chunks[:, list(plan.frames)].flatten(0, 1), stocks)
            between = torch.lerp(chunks[:, 4], chunks[:, 8], 0.25)
            torch.testing.assert_close(chunks[:, 5], between)


def _residuals(family: Family, control: Any, frames: list[int]) -> dict[str, list[torch.Tensor | None]]:
    """What the UNet is handed at the first step, for both prompts, where all frames share their noise."""
    seen: list[dict[str, list[torch.Tensor | None]]] = []

    def watch(apply_model: Any, given: dict[str, Any]) -> Any:
        seen.append({place: list(residuals) for place, residuals in given["c"]["control"].items()})
        return apply_model(given["input"], given["timestep"], **given["c"])

    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        family.positive, family.negative, control, hints(FRAMES)[frames], 0.9, 0.0, 1.0, vae=family.vae
    )
    model = family.model.clone()
    model.set_model_unet_function_wrapper(watch)
    latent = {"samples": torch.zeros(len(frames), *family.latent), "batch_index": [0] * len(frames)}
    common_ksampler(model, 7, 1, 4.0, "euler", "normal", positive, negative, latent)
    return seen[0]


class OfAnotherPack(comfy.controlnet.ControlNet):
    """A control that the pack knows nothing about."""


@pytest.fixture
def foreign(diffusion: Diffusion) -> OfAnotherPack:
    return OfAnotherPack(diffusion.control_net.control_model, load_device=diffusion.control_net.load_device)


def test_controls_of_other_packs_run_on_every_frame_with_a_warning(
    foreign: OfAnotherPack, caplog: pytest.LogCaptureFixture
) -> None:
    (control,) = FrugalKeyframeControlNet.execute(foreign, every_nth(FRAMES, Fraction(12), 4)).args
    assert control is foreign
    assert "OfAnotherPack cannot be interpolated between keyframes; it runs on every frame." in caplog.text


def test_dense_runs_them_on_every_frame_and_says_so(diffusion: Diffusion, foreign: OfAnotherPack) -> None:
    plan = every_nth(5, Fraction(12), 4)
    dense = EditSettings("dense", SamplerSettings("dense", steps=2))
    given = ClipInput(diffusion.positive, diffusion.negative, hints(5), plan, seed=1)
    edited = []
    for control_net in (foreign, diffusion.control_net):
        editor = Editor(Models(diffusion.model, diffusion.vae, Control(control_net)), dense)
        edited.append(editor.edit([editor.prepare(given)])[0].frames)
        if control_net is foreign:
            assert "OfAnotherPack" in str(editor.not_interpolated())
            with pytest.raises(InputError, match=r"control_images: found 2; allowed: 5 \(one per frame\)"):
                editor.prepare(replace(given, control_images=hints(2)))
    every = replace(given, keyframes=Keyframes.all_frames(5, Fraction(12)))
    editor = Editor(Models(diffusion.model, diffusion.vae, Control(diffusion.control_net)), dense)
    assert torch.equal(edited[0], editor.edit([editor.prepare(every)])[0].frames)
    assert not torch.equal(edited[0], edited[1])


def adapter(channels: int = 32, xl: bool = False) -> Any:
    sizes = [channels, 2 * channels, 4 * channels, 4 * channels]
    net = Adapter(cin=3 * (256 if xl else 64), channels=sizes, nums_rb=2, ksize=1, sk=True, use_conv=False, xl=xl)
    return comfy.controlnet.T2IAdapter(net, 3, 8, "nearest-exact")


def test_adapters_of_other_families_are_refused() -> None:
    """The UNet would leave out what they give."""
    light = comfy.controlnet.T2IAdapter(Adapter_light(cin=192), 3, 8, "nearest-exact")
    foreign = comfy.controlnet.T2IAdapter(torch.nn.Linear(2, 2), 3, 32, "bilinear")
    cases = [
        (sd15, adapter(), None),
        (sdxl, adapter(xl=True), None),
        (sd15, adapter(xl=True), "control_net: found a T2I-Adapter of SDXL"),
        (sdxl, adapter(), "control_net: found a T2I-Adapter of SD1.5 or SD2"),
        (sd15, keyframed(adapter(64), every_nth(FRAMES, Fraction(12), 4)), "a T2I-Adapter of 64 channels; allowed: 32"),
        (sd15, light, "control_net: found a T2I-Adapter of 320 channels"),
        (sd15, foreign, "control_net: found torch.nn"),
    ]
    vae = SimpleNamespace(latent_channels=4)
    for family_of, control_net, message in cases:
        family = family_of()
        with pytest.raises(InputError, match=message) if message else nullcontext():
            check_families(family.model, vae, control_net, family.positive, family.negative)
