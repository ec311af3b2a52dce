"""Interpolation models of newer ComfyUI's own loader in our node. Without such a ComfyUI there is nothing to test."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.host.models import managed
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.interpolation.interpolator import NetInterpolator
from frugal_motion.nodes.interpolation.node import FrugalInterpolate, FrugalLoadInterpolator
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.stream import ArrayStream

from .scene import GRID, Scene

core = pytest.importorskip("comfy_extras.nodes_frame_interpolation", reason="this ComfyUI has no FrameInterpolate")
NAME = "rife_v4.26.safetensors"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, assets: Path) -> None:
    paths = ([str(assets / "models" / "frame_interpolation")], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "frame_interpolation", paths)


@pytest.fixture(scope="module")
def film() -> Any:
    """Core's FILM, small and with random weights that give pictures of middling brightness."""
    from comfy_extras.frame_interpolation_models.film_net import FILMNet

    torch.manual_seed(0)
    net = FILMNet(filters=8, flow_filters=(8, 8, 8, 8))
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    torch.nn.init.constant_(net.fuse.output_conv.bias, 0.5)
    return managed(net.eval().requires_grad_(False))


def noise(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def read(video: StreamVideo) -> np.ndarray:
    return np.concatenate(list(video.stream.chunks()))


@pytest.mark.usefixtures("folder")
def test_core_reads_the_same_file_and_either_loader_feeds_either_node(assets: Path) -> None:
    settings = DecodeSettings(size=(128, 128), fit="cover", frame_rate=Fraction(20))
    frames = FileStream(assets / "input" / "one_person.mp4", settings).frames_at([26, 27, 28])
    models = [loader.execute(NAME).args[0] for loader in (core.FrameInterpolationModelLoader, FrugalLoadInterpolator)]
    made = []
    for model in models:
        (video,) = FrugalInterpolate.execute(StreamVideo(ArrayStream(frames, Fraction(12))), model, 24.0).args
        (image,) = core.FrameInterpolate.execute(model, torch.from_numpy(frames).float() / 255, 2).args
        made += [read(video)[1:4:2], image[1:4:2].mul(255).round().byte().numpy()]
    for other in made[1:]:
        assert np.abs(made[0].astype(int) - other).mean() < 1


@pytest.mark.parametrize(("height", "width"), [(128, 160), (91, 117), (64, 64)])
def test_film_through_our_node_is_film(film: Any, height: int, width: int) -> None:
    frames = noise(3, height, width)
    (video,) = FrugalInterpolate.execute(StreamVideo(ArrayStream(frames, Fraction(12))), film, 36.0).args
    (image,) = core.FrameInterpolate.execute(film, torch.from_numpy(frames).float() / 255, 3).args
    made = read(video)
    assert made.shape == (9, height, width, 3) and np.ptp(made[1]) > 1
    assert np.array_equal(made[:7:3], frames)
    assert np.abs(made[:7].astype(int) - image.mul(255).round().byte().numpy()).max() <= 1


@pytest.mark.parametrize("way", ["best", "motion"])
def test_film_fuses_what_follows_a_motion_too(film: Any, way: Any) -> None:
    scene = Scene(frames=9)
    source = StreamVideo(ArrayStream(scene.keys, GRID))
    (video,) = FrugalInterpolate.execute(source, film, 24.0, scene.plan, motion=scene.motion, way=way).args
    made = read(video)
    assert made.shape == (18, *scene.keys.shape[1:])
    assert np.array_equal(made[:17:8], scene.keys)
    alone = FrugalInterpolate.execute(source, film, 24.0, scene.plan, way="net alone").args[0]
    assert way == "best" or not np.array_equal(made, read(alone))


def test_work_of_film_is_counted(film: Any) -> None:
    assert (NetInterpolator(film.model, Accelerator()).flops_per_pixel() or 0) > 1000


def test_frames_too_small_for_film_are_padded(film: Any) -> None:
    (video,) = FrugalInterpolate.execute(StreamVideo(ArrayStream(noise(2, 40, 90), Fraction(12))), film, 24.0).args
    assert read(video).shape == (4, 40, 90, 3)
