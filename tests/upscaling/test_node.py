"""Upscale Video through the node, as ComfyUI calls it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from spandrel import ImageModelDescriptor, ModelLoader

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
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


def test_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="upscale_model: found str"):
        FrugalUpscale.execute(torch.rand(1, 8, 8, 3), "model")


def test_the_server_accepts_links_of_both_kinds() -> None:
    from comfy_execution.validation import validate_node_input

    schema = FrugalUpscale.GET_SCHEMA()
    given, taken = schema.outputs[0].get_io_type(), schema.inputs[0].get_io_type()
    for kind in ("IMAGE", "VIDEO"):
        assert validate_node_input(given, kind)
        assert validate_node_input(kind, taken)
    assert validate_node_input(given, taken)
    assert not validate_node_input(given, "LATENT")
