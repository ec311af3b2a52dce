"""What upscaling and interpolation are measured with: random weights of the real layout, loops that give the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from spandrel import ModelLoader

from frugal_motion.bench.gpu_day import interpolating, less_memory, reading_back, upscaling
from frugal_motion.bench.gpu_day.drawn_clip import HeldClip, held_clip
from frugal_motion.bench.gpu_day.interpolating import PairByPair
from frugal_motion.bench.gpu_day.likeness import psnr
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.setting import Setting
from frugal_motion.bench.gpu_day.timing import Timing
from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.interpolation.node import FrugalLoadInterpolator
from frugal_motion.nodes.upscaling.node import FrugalUpscale


@pytest.fixture
def setting(assets: Path, comfyui: Path, tmp_path: Path) -> Setting:
    return Setting(True, 60, comfyui, assets, tmp_path, tmp_path / "results.json")


@pytest.fixture(scope="module")
def clip() -> HeldClip:
    return held_clip(5, 64)


def test_a_drawn_clip_moves_and_its_motion_is_of_its_frames(clip: HeldClip) -> None:
    assert clip.frames.shape == (5, 64, 64, 3)
    assert clip.motion.frame_count == 5 and (clip.motion.width, clip.motion.height) == (64, 64)
    assert all((a != b).any() for a, b in zip(clip.frames, clip.frames[1:], strict=False))
    assert clip.keyframes(4).frames == (0, 4)


@pytest.mark.parametrize("case", upscaling.CASES, ids=lambda case: case.name)
def test_random_upscalers_are_as_large_as_the_real_ones(assets: Path, case: upscaling.Case) -> None:
    real = ModelLoader().load_from_file(assets / "models/upscale_models" / f"{case.file}.safetensors").model
    made = case.made(False)
    assert [value.shape for value in made.state_dict().values()] == [v.shape for v in real.state_dict().values()]


@pytest.mark.parametrize("case", upscaling.CASES, ids=lambda case: case.name)
def test_without_their_files_upscalers_have_random_weights_that_give_pictures(
    setting: Setting, tmp_path: Path, clip: HeldClip, case: upscaling.Case
) -> None:
    model, weights = upscaling.loaded(replace(setting, assets=tmp_path), case)
    assert weights == "random" and model.scale == 4
    made = FrugalUpscale.execute(clip.images(1), model, 4.0).args[0]
    assert made.shape == (1, 256, 256, 3) and made.isfinite().all()
    assert ((made > 0) & (made < 1)).float().mean() > 0.5


def test_with_their_file_they_have_real_weights(setting: Setting) -> None:
    assert upscaling.loaded(setting, upscaling.CASES[0])[1] == "real"


def test_the_loop_over_pairs_gives_what_the_node_gives(setting: Setting, clip: HeldClip) -> None:
    file, weights = interpolating.rife_file(setting)
    images = clip.images(3)
    net = FrugalLoadInterpolator.execute(file.name).args[0]
    net.model.float()  # what rounding takes is not the question
    made, loop = interpolating.twice_the_frames(net, images), PairByPair(file, torch.float32)(images)
    assert weights == "real" and made.shape == loop.shape == (5, 64, 64, 3)
    assert psnr(made, loop) > 55  # of 8 bits
    assert torch.equal(loop[::2], images)


def test_without_its_file_rife_has_random_weights_of_the_same_layout(
    setting: Setting, assets: Path, tmp_path: Path
) -> None:
    file, weights = interpolating.rife_file(replace(setting, assets=tmp_path))
    real = load_file(assets / "models/frame_interpolation" / interpolating.RIFE)
    assert weights == "random"
    assert {key: v.shape for key, v in load_file(file).items()} == {key: v.shape for key, v in real.items()}


def test_every_way_back_is_measured_into_every_memory(setting: Setting) -> None:
    names = [one.name for one in reading_back.ways(setting) if isinstance(one, Measurement)]
    memories = "small_pages", "large_pages", "touched"
    assert names == [f"read_back.{way}.{memory}" for way in ("copied", "page_locked") for memory in memories]


def test_memory_is_left_for_a_share_of_the_work_beside_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms: list[int] = []

    @contextmanager
    def little_memory(room: int) -> Iterator[None]:
        rooms.append(room)
        yield

    monkeypatch.setattr(less_memory, "timed", lambda work: Timing(1.0, 30))
    monkeypatch.setattr(less_memory, "memory_in_use", lambda: 10)
    monkeypatch.setattr(less_memory, "little_memory", little_memory)
    less_memory.until_too_large(lambda: None, torch.nn.Identity(), 8, [], pretend=False)
    assert rooms == [12, 8, 5]


def test_memory_gets_less_until_a_batch_is_too_large() -> None:
    tried: list[int] = []
    net, halved = torch.nn.Identity(), []

    def work(rows: int = 8) -> None:
        tried.append(rows)
        try:
            net(torch.zeros(rows if len(tried) > 3 else 1, 1))  # first it gets by with less
        except less_memory.OutOfMemory:
            halved.append(rows)

    assert less_memory.until_too_large(work, net, 8, halved, pretend=True) == less_memory.SHARES[2]
    assert halved == [8] and len(tried) == 4
    net(torch.zeros(8, 1))  # there is plenty again


def test_a_device_in_batches_is_the_same_but_tells() -> None:
    said: list[str] = []
    on = Accelerator(free_memory=lambda: 7.0, release=lambda: said.append("released"))
    made = less_memory.in_batches(on, lambda: said.append("too large"))
    made.release()
    assert on.is_cpu and not made.is_cpu and made.free_memory() == 7.0 and made.device == on.device
    assert said == ["too large", "released"]


def test_what_came_of_a_batch_is_judged_by_its_pictures() -> None:
    plenty = np.full((2, 4, 4, 3), 100, np.uint8)
    times, likeness = less_memory.found("x", 1, 0.6, plenty, plenty + 51)
    assert isinstance(times, Measurement) and times.is_reached
    assert likeness.value == pytest.approx(-20 * np.log10(0.2)) and not likeness.is_reached


def test_a_node_that_is_not_there_is_told(setting: Setting, clip: HeldClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpolating, "FrameInterpolate", None)
    (film,) = interpolating.film(setting, clip)
    assert isinstance(film, dict) and "not measured" in film["film"]
    found = list(interpolating.rife(setting, clip, 1))
    assert any(isinstance(one, dict) and "rife_512.vs_core" in one for one in found)
    names = [one.name for one in found if isinstance(one, Measurement)]
    assert "rife_512.vs_plain_loop" in names and len(set(names)) == len(names)


def test_guided_frames_are_beside_those_of_the_net_alone(setting: Setting) -> None:
    found = {one.name: one for one in interpolating.guided(setting, held_clip(9, 64)) if isinstance(one, Measurement)}
    assert found["guided.over_rife"].value > 0 and found["guided.cpu_seconds"].value > 0
    assert f"3 keyframes of 64 px to {ceil(Fraction(9, 12) * 25)} frames" in found["guided.over_rife"].note
