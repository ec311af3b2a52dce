"""The nets of the GPU day against what ComfyUI's own detection and loaders make of their names and shapes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.controlnet
import comfy.model_detection
import comfy.sd
import comfy.supported_models
import pytest
import torch
from comfy.ldm.wan.model import VaceWanModel
from torch import nn

from frugal_motion.bench.gpu_day import nets

PUBLISHED = {
    "SD 1.5": {"unet": 859_520_964, "control_net": 361_279_120, "vae": 83_653_863, "clip": 123_060_480},
    "SDXL": {"unet": 2_567_463_684, "control_net": 1_251_014_160, "vae": 83_653_863, "clip": 817_720_320},
}
"""Parameters; of CLIP without the two projections that SD's files lack."""

CLASSES = {"SD 1.5": "SD15", "SDXL": "SDXL"}


def count(weights: nets.Weights) -> int:
    return sum(value.numel() for value in weights.values())


def shapes(weights: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items()}


@pytest.mark.parametrize("family", nets.SIZES)
def test_full_size_is_that_of_the_published_models(family: nets.Family) -> None:
    found = {part: count(layout) for part, layout in nets.checkpoint_layouts(family, rehearse=False).items()}
    without = {"SD 1.5": 768 * 768 + 1, "SDXL": 768 * 768 + 2}[family]
    assert found | {"clip": found["clip"] - without} == PUBLISHED[family]


@pytest.mark.parametrize("family", nets.SIZES)
def test_comfyui_knows_full_size_files_and_lacks_nothing_in_them(family: nets.Family) -> None:
    layouts = nets.checkpoint_layouts(family, rehearse=False)
    file = nets.as_checkpoint(family, layouts)
    config = comfy.model_detection.model_config_from_unet(file, "model.diffusion_model.")
    assert type(config).__name__ == CLASSES[family]
    model = config.get_model(file, "model.diffusion_model.", device="meta")
    wanted = shapes(model.diffusion_model.state_dict())
    assert wanted == {
        name.removeprefix("model.diffusion_model."): shape
        for name, shape in shapes(file).items()
        if name.startswith("model.diffusion_model.")
    }
    clip = config.clip_target(state_dict=file).clip(device="meta", dtype=torch.float16)
    absent = shapes(clip.state_dict()).items() - shapes(config.process_clip_state_dict(file)).items()
    assert {name for name, _ in absent} <= {"clip_l.logit_scale", "clip_l.transformer.text_projection.weight"}


@pytest.mark.parametrize("family", nets.SIZES)
def test_comfyui_knows_full_size_control_nets(family: nets.Family) -> None:
    layout = nets.checkpoint_layouts(family, rehearse=False)["control_net"]
    config = comfy.model_detection.model_config_from_unet(layout, "", True)
    assert type(config).__name__ == CLASSES[family]
    sizes = {name: value for name, value in config.unet_config.items() if name != "out_channels"}
    with torch.device("meta"):
        net = comfy.controlnet.comfy.cldm.cldm.ControlNet(
            **sizes, hint_channels=3, operations=comfy.ops.disable_weight_init
        )
    assert shapes(net.state_dict()) == shapes(layout)


@pytest.mark.parametrize("sizes", [nets.VACE, nets.SMALL_VACE], ids=["full size", "small"])
def test_comfyui_finds_the_sizes_of_vace(sizes: dict[str, Any]) -> None:
    how = {"device": "meta", "dtype": torch.float16, "operations": comfy.ops.disable_weight_init}
    layout = VaceWanModel(**sizes, **how).state_dict()
    config = comfy.model_detection.model_config_from_unet(layout, "")
    assert isinstance(config, comfy.supported_models.WAN21_Vace)
    assert config.unet_config == {name: value for name, value in sizes.items() if name != "text_dim"}


NARROW: dict[Any, dict[str, Any]] = {
    "SD 1.5": nets.NETS["SD 1.5"] | {"model_channels": 32},
    "SDXL": nets.NETS["SDXL"] | {"model_channels": 32, "num_head_channels": 16},
    "VACE": nets.VACE | {"dim": 128, "ffn_dim": 256, "num_heads": 1},
}
"""As deep as the full size."""

LARGEST_HALF = 65504


def largest(net: nn.Module, seen: list[float]) -> None:
    """Note the largest number that leaves each layer."""

    def note(_: Any, __: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            seen.append(float(output.abs().max()))

    for module in net.modules():
        module.register_forward_hook(note)


def predicted(model: Any, x: torch.Tensor, sigma: float, **conditions: Any) -> torch.Tensor:
    """What the net itself says of latents as large as they are at that noise level."""
    said: list[torch.Tensor] = []
    hook = model.diffusion_model.register_forward_hook(lambda _, __, output: said.append(output))
    model.apply_model(x * sigma, torch.tensor([sigma]), **conditions)
    hook.remove()
    return said[0]


def alive(prediction: torch.Tensor, seen: list[float]) -> None:
    """As large as noise at most, not dead, and far from the end of half precision on the way."""
    assert 0.1 < float(prediction.std()) < 1
    assert all(math.isfinite(one) for one in seen)
    assert max(seen) < LARGEST_HALF / 16


@pytest.mark.parametrize("sigma", [0.03, 14.6])
@pytest.mark.parametrize("family", nets.SIZES)
@torch.inference_mode()
def test_values_in_deep_unets_stay_in_range(family: nets.Family, sigma: float) -> None:
    layout, seen = NARROW[family], []
    kind = getattr(comfy.supported_models, CLASSES[family])
    model = nets.model_of(kind({**layout, "out_channels": 4})).model
    control_net = nets.control_net_of(layout)
    largest(model.diffusion_model, seen)
    largest(control_net.control_model, seen)
    random = torch.Generator().manual_seed(0)
    # Latents have as much noise at the end of sampling as at its start: what is predicted has nothing to do with them.
    x = torch.randn(1, 4, 16, 16, generator=random) * (14.6 / sigma)
    conditions = {"c_crossattn": torch.randn(1, 77, layout["context_dim"], generator=random)}
    if family == "SDXL":
        conditions["y"] = torch.randn(1, 2816, generator=random)
    hint = torch.rand(1, 3, 128, 128, generator=random)
    control = control_net.copy().set_cond_hint(hint)
    control.pre_run(model, model.model_sampling.percent_to_sigma)
    residuals = control.get_control(x * sigma, torch.tensor([sigma]), conditions, 1, {})
    alone = predicted(model, x, sigma, **conditions)
    guided = predicted(model, x, sigma, **conditions, control=residuals)
    alive(alone, seen)
    alive(guided, seen)
    assert (guided - alone).norm() / alone.norm() > 0.1


@torch.inference_mode()
def test_values_in_a_deep_vace_stay_in_range() -> None:
    seen: list[float] = []
    model = nets.model_of(comfy.supported_models.WAN21_Vace(NARROW["VACE"])).model
    largest(model.diffusion_model, seen)
    random = torch.Generator().manual_seed(0)
    x, context = torch.randn(1, 16, 2, 8, 8, generator=random), torch.randn(1, 96, 2, 8, 8, generator=random)
    text = torch.randn(1, 512, 4096, generator=random)
    found = [
        predicted(model, x, 1.0, c_crossattn=text, vace_context=context[None] * scale, vace_strength=[1.0])
        for scale in (0.0, 1.0)
    ]
    alive(found[1], seen)
    assert (found[1] - found[0]).norm() / found[0].norm() > 0.1


@pytest.mark.parametrize("make", [nets.sd15, nets.sdxl], ids=["SD 1.5", "SDXL"])
@torch.inference_mode()
def test_small_pictures_are_neither_black_nor_white(make: Callable[[bool], nets.ImageNets]) -> None:
    found = make(True)
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * 80  # as sampled
    picture = found.vae.decode(latents)
    assert picture.shape == (1, 64, 64, 3)
    assert picture.std() > 0.03
    assert found.vae.encode(picture).isfinite().all()


@torch.inference_mode()
def test_vae_of_full_size_is_loaded_whole(caplog: pytest.LogCaptureFixture) -> None:
    vae = comfy.sd.VAE(sd=nets.vae_weights(rehearse=False))
    assert not lacking(caplog)
    picture = vae.decode(torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * 80)
    assert picture.shape == (1, 32, 32, 3)
    assert picture.std() > 0.1


def lacking(log: pytest.LogCaptureFixture) -> list[str]:
    """What ComfyUI says of weights that it has not found or not used."""
    words = ("missing", "unexpected", "no clip", "no vae", "not a checkpoint", "could not")
    return [one.getMessage() for one in log.records if any(word in one.getMessage().lower() for word in words)]


@torch.inference_mode()
def test_video_vae_is_loaded_whole(caplog: pytest.LogCaptureFixture) -> None:
    found = nets.vace(True)
    assert not lacking(caplog)
    assert found.vae.decode(torch.randn(1, 16, 2, 4, 4)).shape == (1, 5, 32, 32, 3)
    full = nets.video_vae_layout(rehearse=False)
    assert count(full) == 126_892_531  # published


@torch.inference_mode()
def test_stock_loaders_load_small_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = nets.checkpoint_files(tmp_path, rehearse=True)
    caplog.set_level(logging.WARNING)
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(files.checkpoint))
    control_net = comfy.controlnet.load_controlnet(str(files.control_net))
    assert not lacking(caplog)
    assert isinstance(model.model.model_config, comfy.supported_models.SD15)
    assert isinstance(control_net, comfy.controlnet.ControlNet)
    one, other = (clip.encode_from_tokens_scheduled(clip.tokenize(text))[0][0] for text in ("a robot", "rain"))
    assert (one - other).norm() / one.norm() > 0.1
    assert vae.decode(torch.zeros(1, 4, 8, 8)).shape == (1, 64, 64, 3)
    files.checkpoint.unlink()  # pytest would keep a quarter of a gigabyte


def test_small_files_of_sdxl_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SDXL"):
        nets.checkpoint_files(tmp_path, True, "SDXL")


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(64, 128, 3)
        self.norm = nn.GroupNorm(8, 128)
        self.linear = nn.Linear(256, 512)


def test_fill_keeps_the_size_of_what_goes_through() -> None:
    net = Layers()
    places = [value.data_ptr() for value in net.parameters()]
    nets.fill(net, 5)
    assert float(net.conv.weight.detach().std()) == pytest.approx(1 / math.sqrt(64 * 9), rel=0.02)
    assert float(net.linear.weight.detach().std()) == pytest.approx(1 / math.sqrt(256), rel=0.02)
    assert net.norm.weight.eq(1).all()
    assert all(layer.bias.eq(0).all() for layer in (net.conv, net.norm, net.linear))
    assert [value.data_ptr() for value in net.parameters()] == places
    assert all(value.requires_grad for value in net.parameters())


def test_fill_follows_from_its_seed() -> None:
    first, same, other = (Layers() for _ in range(3))
    for net, seed in ((first, 1), (same, 1), (other, 2)):
        nets.fill(net, seed)
    assert first.linear.weight.equal(same.linear.weight)
    assert not first.linear.weight.equal(other.linear.weight)
