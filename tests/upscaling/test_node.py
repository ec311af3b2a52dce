"""Upscale Video through the node, as ComfyUI calls it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from spandrel import ImageModelDescriptor, ModelLoader
from spandrel.architectures.Compact import Compact

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.upscaling import node
from frugal_motion.nodes.upscaling.node import FrugalUpscale
from frugal_motion.nodes.video.stream import ArrayStream, Waveform


@pytest.fixture(scope="module")
def model(assets: Path) -> ImageModelDescriptor:
    found = ModelLoader().load_from_file(assets / "models" / "upscale_models" / "realesr-animevideov3.safetensors")
    assert isinstance(found, ImageModelDescriptor)
    return found.eval()


FRAMES = np.random.default_rng(3).integers(0, 256, (3, 21, 32, 3), np.uint8)


def test_an_image_gives_an_image(model: ImageModelDescriptor) -> None:
    image = torch.from_numpy(FRAMES).float() / 255
    (made,) = FrugalUpscale.execute(image, model, scale=2.0).args
    assert made.shape == (3, 42, 64, 3) and made.dtype == torch.float32
    assert 0 <= made.min() and made.max() <= 1


def test_a_video_gives_a_lazy_video_with_its_sound(model: ImageModelDescriptor) -> None:
    sound = Waveform(np.zeros((1, 800), np.float32), 8000)
    source = ArrayStream(FRAMES, Fraction(30000, 1001), sound)
    (made,) = FrugalUpscale.execute(StreamVideo(source), model, longer_side=48).args
    assert isinstance(made, StreamVideo)
    assert made.get_dimensions() == (48, 32)
    assert made.get_frame_rate() == Fraction(30000, 1001)
    assert made.stream.audio is sound
    assert made.get_components().images.shape == (3, 32, 48, 3)


def test_both_kinds_agree(model: ImageModelDescriptor) -> None:
    (image,) = FrugalUpscale.execute(torch.from_numpy(FRAMES).float() / 255, model).args
    (video,) = FrugalUpscale.execute(StreamVideo(ArrayStream(FRAMES, Fraction(12))), model).args
    assert (image - video.get_components().images).abs().max() <= 0.5 / 255 + 1e-6


def test_the_loaders_model_is_left_as_it_was(model: ImageModelDescriptor) -> None:
    before = model.model.state_dict()
    FrugalUpscale.execute(torch.rand(1, 8, 8, 3), model)
    assert model.dtype == torch.float32 and model.device == torch.device("cpu")
    assert all(torch.equal(value, before[key]) for key, value in model.model.state_dict().items())


@pytest.mark.parametrize(("dtype", "lowered"), [(torch.float32, 0), (torch.bfloat16, 16)])
def test_convolutions_are_lowered_where_the_cpu_is_faster_for_it(
    model: ImageModelDescriptor, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, lowered: int
) -> None:
    monkeypatch.setattr(node, "convolution_dtype", lambda device: dtype)
    (video,) = FrugalUpscale.execute(StreamVideo(ArrayStream(FRAMES, Fraction(12))), model).args
    net = video.stream.source.upscaler._net.model
    weights = [layer.weight for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert sum(weight.dtype == torch.bfloat16 for weight in weights) == lowered
    assert weights[0].dtype == weights[-1].dtype == torch.float32


def test_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="upscale_model: found str"):
        FrugalUpscale.execute(torch.rand(1, 8, 8, 3), "model")


@pytest.mark.parametrize(("given", "made"), [(1, 1), (4, 4)])
def test_a_model_for_other_channels_is_refused(given: int, made: int) -> None:
    weights = Compact(num_in_ch=given, num_out_ch=made, num_feat=8, num_conv=2, upscale=2).state_dict()
    with pytest.raises(InputError, match=f"upscale_model: found {given} to {made} channels; allowed: .*RGB"):
        FrugalUpscale.execute(torch.rand(1, 8, 8, 3), ModelLoader().load_from_state_dict(weights))


def test_the_server_accepts_links_of_both_kinds() -> None:
    from comfy_execution.validation import validate_node_input

    schema = FrugalUpscale.GET_SCHEMA()
    given, taken = schema.outputs[0].get_io_type(), schema.inputs[0].get_io_type()
    for kind in ("IMAGE", "VIDEO"):
        assert validate_node_input(given, kind)
        assert validate_node_input(kind, taken)
    assert validate_node_input(given, taken)
    assert not validate_node_input(given, "LATENT")
