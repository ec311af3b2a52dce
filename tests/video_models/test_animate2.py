"""Wan Animate 2, which newer ComfyUI has: shared batches, its cache and windows against stock KSampler alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import comfy.clip_vision
import comfy.sd
import pytest
import torch
from comfy_extras import nodes_wan

from frugal_motion.nodes.sampling.request_sampler import sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings
from frugal_motion.nodes.sampling.windows import Windows, sample_clips
from nodes import common_ksampler

from . import nets

net = pytest.importorskip("comfy.ldm.wan.model_animate2")

WIDTH, HEIGHT = 64, 48
SETTINGS = StepSettings(3, 5.0, "euler", "simple")
OF_ITS_FILE = {"config": '{"transformer": {"model_type": "animate2"}}'}
"""By this ComfyUI tells it from Wan 2.1's I2V, whose weights have the same names."""


@pytest.fixture(autouse=True)
def _no_autograd() -> Iterator[None]:
    with torch.inference_mode():
        yield


@cache
def model() -> Any:
    weights = nets.randomised(net.WanAnimate2Model(**nets.SIZES, **nets.on_cpu()), 1)
    found = comfy.sd.load_diffusion_model_state_dict(weights, {"dtype": torch.float32}, metadata=OF_ITS_FILE)
    assert type(found.model.diffusion_model) is net.WanAnimate2Model
    return found


def with_cache() -> Any:
    return nodes_wan.WanAnimate2Cache.execute(model(), "cpu").args[0]


def seeded(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def text(seed: int) -> Any:
    return [[seeded(seed, 1, 7, 4096) * 0.5, {"pooled_output": None}]]


def video(seed: int, frames: int) -> torch.Tensor:
    small = torch.rand(frames, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (HEIGHT, WIDTH)).movedim(1, -1)


def seen(seed: int) -> Any:
    output = comfy.clip_vision.Output()
    output.penultimate_hidden_states = seeded(seed, 1, 257, 1280)
    return output


def request(seed: int, frames: int = 9, **more: Any) -> Request:
    made = nodes_wan.WanAnimate2ToVideo.execute(
        text(seed),
        text(seed + 50),
        nets.vae(),
        WIDTH,
        HEIGHT,
        frames,
        1,
        0,
        reference_image=video(seed + 9, 1),
        pose_video=video(seed, frames),
        clip_vision_output=seen(seed),
        **more,
    )
    return Request(*made.args[:3], seed=1000 + seed)


def stock(one: Request) -> torch.Tensor:
    made = common_ksampler(model(), one.seed, 3, 5.0, "euler", "simple", one.positive, one.negative, dict(one.latent))
    found: torch.Tensor = made[0]["samples"]
    return found


def off(one: Any, other: torch.Tensor) -> float:
    """Relative L2."""
    assert isinstance(one, torch.Tensor), one
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("more", [{}, {"pose_end_percent": 0.5, "pose_strength": 0.8}], ids=["whole", "in part"])
def test_clips_share_a_batch_and_come_out_as_alone(more: dict[str, Any]) -> None:
    requests = [request(1, **more), request(2, **more)]
    alone = [stock(one) for one in requests]
    assert off(*alone) > 0.1, "they are to be told apart"
    told: list[str] = []
    for result, other in zip(sample_requests(model(), requests, SETTINGS, tell=told.append), alone, strict=True):
        assert off(result, other) <= 1e-5
    assert told == ["2 requests shared 1 batch"]


def test_with_the_cache_they_are_sampled_one_by_one() -> None:
    """It keeps what it has seen of the first row of a batch."""
    requests, told = [request(1), request(2)], list[str]()
    results = sample_requests(with_cache(), requests, SETTINGS, tell=told.append)
    for result, one in zip(results, requests, strict=True):
        assert off(result, stock(one)) <= 1e-5
    assert told == ["one by one: the cache of Animate 2 keeps the motion of one clip"]


def test_windows_see_their_part_of_the_motion() -> None:
    """And the cache keeps those of one window from those of the next."""
    windows, long = Windows(3, 1), request(1, 17)
    given: list[Request] = []

    def sample(some: Any) -> Any:
        given.extend(some)
        return sample_requests(model(), some, SETTINGS)

    (whole,) = sample_clips(model(), [long], windows, sample)
    assert isinstance(whole, torch.Tensor), whole
    assert whole.shape == long.latent["samples"].shape
    poses = [one.positive[0][1]["pose_video_latent"] for one in given]
    motion = long.positive[0][1]["pose_video_latent"]
    assert len(poses) == 2 and all(map(torch.equal, poses, (motion[:, :, :3], motion[:, :, 2:])))

    def sample_with_cache(some: Any) -> Any:
        return sample_requests(with_cache(), some, SETTINGS)

    (cached,) = sample_clips(model(), [long], windows, sample_with_cache)
    assert off(cached, whole) <= 1e-5
