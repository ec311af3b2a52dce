"""The cheaper order of upscaling and interpolation, whichever way they are wired."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from spandrel import ModelLoader
from torch.utils.flop_counter import FlopCounterMode

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.flops import flops_of
from frugal_motion.nodes.host.models import managed
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.interpolation.interpolator import NetInterpolator
from frugal_motion.nodes.interpolation.node import FrugalInterpolate
from frugal_motion.nodes.interpolation.rife import load_rife
from frugal_motion.nodes.interpolation.stream import InterpolatedStream
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.upscaling.node import FrugalUpscale
from frugal_motion.nodes.upscaling.order import compare
from frugal_motion.nodes.upscaling.stream import UpscaledStream
from frugal_motion.nodes.upscaling.upscaler import Upscaler
from frugal_motion.nodes.video.stream import ArrayStream

from ..interpolation.scene import SIZE, Scene

SIDE = 32


@pytest.fixture(scope="module")
def upscale_model(assets: Path) -> Any:
    return ModelLoader().load_from_file(assets / "models/upscale_models/realesr-animevideov3.safetensors").eval()


@pytest.fixture(scope="module")
def interp_model(assets: Path) -> Any:
    return managed(load_rife(load_file(assets / "models/frame_interpolation/rife_v4.26.safetensors"), "rife"))


def clip(count: int, rate: int) -> StreamVideo:
    frames = np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    return StreamVideo(ArrayStream(frames, Fraction(rate)))


def order_of(video: StreamVideo) -> list[type]:
    """The stages from the last to the source."""
    stream, kinds = video.stream, []
    while not isinstance(stream, ArrayStream):
        if isinstance(stream, (InterpolatedStream, UpscaledStream)):
            kinds.append(type(stream))
        stream = stream.source
    return kinds


def frames(video: StreamVideo) -> np.ndarray:
    return np.concatenate(list(video.stream.chunks()))


@pytest.mark.parametrize(
    ("count", "rate", "target", "last"), [(4, 4, 10, InterpolatedStream), (12, 60, 10, UpscaledStream)]
)
def test_both_ways_of_wiring_do_the_same_work(
    upscale_model: Any, interp_model: Any, count: int, rate: int, target: int, last: type
) -> None:
    video = clip(count, rate)
    (large,) = FrugalUpscale.execute(video, upscale_model, 2.0).args
    (upscaled_before,) = FrugalInterpolate.execute(large, interp_model, float(target)).args
    (smooth,) = FrugalInterpolate.execute(video, interp_model, float(target)).args
    (upscaled_after,) = FrugalUpscale.execute(smooth, upscale_model, 2.0).args
    for made in (upscaled_before, upscaled_after):
        assert order_of(made)[0] is last and len(order_of(made)) == 2
        assert made.get_frame_rate() == target and made.get_dimensions() == (2 * SIDE, 2 * SIDE)
    assert np.array_equal(frames(upscaled_before), frames(upscaled_after))


def test_work_is_what_torch_counts_when_it_is_done(upscale_model: Any, interp_model: Any) -> None:
    upscaler = Upscaler(upscale_model, Accelerator(), (256, 256))
    image = torch.rand(1, 3, 128, 128)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        upscale_model(image)
    assert upscaler.flops_per_pixel() == pytest.approx(counter.get_total_flops() / 128**2)
    interpolator = NetInterpolator(interp_model.model, Accelerator())
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        there = image.to(next(interp_model.model.parameters()).device)  # where tests before this one have brought it
        interp_model.model(there, there)
    assert interpolator.flops_per_pixel() == pytest.approx(counter.get_total_flops() / 128**2, rel=0.01)


def test_frames_that_follow_a_motion_count_for_what_the_net_does_for_them(
    upscale_model: Any, interp_model: Any
) -> None:
    scene = Scene(frames=17)
    net = NetInterpolator(interp_model.model, Accelerator())
    upscaler = Upscaler(upscale_model, Accelerator(), (2 * SIZE[0], 2 * SIZE[1]))
    streams = scene.plain(net), scene.stream(net, way="motion"), scene.stream(net)
    plain, forced, best = (compare(stream, SIZE, upscaler) for stream in streams)
    assert plain and forced and best and plain == forced
    tested = 2 * 3 * (net.flops_per_pixel() or 0) * SIZE[0] * SIZE[1]
    assert best.interpolate_first - plain.interpolate_first == pytest.approx(tested)
    assert best.upscale_first - plain.upscale_first == pytest.approx(4 * tested)


def test_orders_of_the_default_job(upscale_model: Any, interp_model: Any) -> None:
    """10 seconds: 31 keyframes of 512 x 512 on a 12 fps grid, to 25 fps and twice the size."""
    plan = Keyframes((*range(0, 120, 4), 119), 120, Fraction(12))
    source = ArrayStream(np.zeros((31, 8, 8, 3), np.uint8), Fraction(12))
    stream = InterpolatedStream(source, plan, Fraction(25), NetInterpolator(interp_model.model, Accelerator()))
    orders = compare(stream, (512, 512), Upscaler(upscale_model, Accelerator(), (1024, 1024)))
    assert orders and orders.best == "upscale first"
    assert orders.upscale_first < 0.5 * orders.interpolate_first
    assert "TFLOP" in str(orders)


def test_a_size_that_needs_no_net_is_cheapest_first(upscale_model: Any, interp_model: Any) -> None:
    plan = Keyframes.all_frames(9, Fraction(12))
    source = ArrayStream(np.zeros((9, 8, 8, 3), np.uint8), Fraction(12))
    stream = InterpolatedStream(source, plan, Fraction(25), NetInterpolator(interp_model.model, Accelerator()))
    orders = compare(stream, (512, 512), Upscaler(upscale_model, Accelerator(), (256, 256)))
    assert orders and orders.best == "upscale first", "fewer pixels for the interpolation"


def test_a_net_that_cannot_be_counted_stays_where_it_is_wired() -> None:
    class Stubborn(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image * image.mean().item()

    assert flops_of(Stubborn(), lambda net: net(torch.zeros(1, 3, 8, 8, device="meta"))) is None
