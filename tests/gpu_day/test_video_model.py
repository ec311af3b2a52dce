"""What the video model is measured with: ComfyUI's own conditioning, and the forecast's work."""

from __future__ import annotations

from typing import Any

import comfy.ops
import pytest
import torch
from comfy.ldm.wan.model import VaceWanModel
from comfy_extras.nodes_wan import WanVaceToVideo

from frugal_motion.bench.gpu_day import video_model
from frugal_motion.bench.gpu_day.measurement import Measurement
from frugal_motion.bench.gpu_day.nets import VACE, vace
from frugal_motion.bench.gpu_day.timing import Timing
from frugal_motion.bench.gpu_day.video_model import Bench
from frugal_motion.nodes.forecast.facts import Guides
from frugal_motion.nodes.forecast.video_work import pass_flops


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(vace(rehearse=True), is_small=True)


class StandInVae:
    """Encodes to as many zeros as Wan's does."""

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        frames, height, width, _ = pictures.shape
        return torch.zeros(1, 16, (frames - 1) // 4 + 1, height // 8, width // 8)


def test_prompts_are_as_comfyuis_node_makes_them() -> None:
    prompt: Any = [[torch.zeros(1, 2, 4), {"kept": 1}]]
    theirs, _, latent, _ = WanVaceToVideo.execute(prompt, prompt, StandInVae(), 64, 32, 9, 1, 1.0).args
    ours = video_model.controlled(prompt, (3, 4, 8), seed=1)
    (text, options), (their_text, their_options) = ours[0], theirs[0]
    assert text is their_text and options.keys() == their_options.keys()
    for name in ("vace_frames", "vace_mask"):
        assert [one.shape for one in options[name]] == [one.shape for one in their_options[name]]
    assert torch.equal(options["vace_mask"][0], their_options["vace_mask"][0])
    assert options["vace_strength"] == their_options["vace_strength"] == [1.0]
    assert latent["samples"].shape == (1, 16, 3, 4, 8)


def test_clips_have_the_frames_that_are_asked_for(bench: Bench) -> None:
    assert Bench(bench.nets, is_small=False).latent_shape(81)[0] == 21
    requests = bench.requests(49, 2)
    assert len({request.seed for request in requests}) == 2
    controls = [request.positive[0][1]["vace_frames"][0] for request in requests]
    assert not torch.equal(*controls) and controls[0].shape[2:] == requests[0].latent["samples"].shape[2:]


def test_the_work_is_that_of_the_same_net_without_weights(bench: Bench) -> None:
    sizes = bench.nets.model.model.model_config.unet_config
    net = VaceWanModel(
        in_dim=16, vace_in_dim=96, device="meta", dtype=torch.float16, operations=comfy.ops.disable_weight_init,
        **{name: sizes[name] for name in ("dim", "ffn_dim", "num_heads", "num_layers", "vace_layers")},
    )  # fmt: skip
    frames, height, width = bench.latent_shape(81)
    assert bench.flops(81) == pass_flops(net, (width, height), frames, Guides(controls=1))
    assert bench.flops(81, controls=0) < bench.flops(81)
    assert sizes["model_type"] == VACE["model_type"]


def test_several_clips_share_a_batch_and_one_that_fails_is_told(bench: Bench) -> None:
    _, told = bench.sample(bench.requests(49, 2), 1)
    assert told == "2 requests shared 1 batch"
    with pytest.raises(Exception, match="16"):
        bench.sample([*bench.requests(49, 1), _of_another_family(bench)], 1)


@pytest.mark.parametrize(("of_call", "of_clip", "gain"), [(0.0, 0.5, 1.0), (1.0, 0.0, 1.6)])
def test_batches_gain_what_calls_take_and_lose_nothing_to_what_clips_take(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, of_call: float, of_clip: float, gain: float
) -> None:
    def sample(_: Bench, requests: list[Any], steps: int, cfg: float = 1.0, model: Any = None) -> tuple[Timing, str]:
        return Timing(of_call + len(requests) * (of_clip + 0.5 * steps), 0), ""

    monkeypatch.setattr(Bench, "sample", sample)
    fresh = Bench(bench.nets, is_small=True)
    found = [one for count in (1, 4) for one in video_model._batch(fresh, 49, count)]
    values = {one.name.removeprefix("49_frames."): one.value for one in found if isinstance(one, Measurement)}
    assert values["batch_1.seconds_per_clip"] == of_call + of_clip + 2
    assert values["batch_4.clips_per_s_over_batch_1"] == pytest.approx(gain)


def _of_another_family(bench: Bench) -> Any:
    (request,) = bench.requests(49, 1)
    return type(request)(request.positive, request.negative, {"samples": torch.ones(1, 4, 2, 4, 4)})


def test_dollars_follow_the_price_of_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_model, "this_device", lambda: "NVIDIA H200")
    (found,) = video_model._cost(81, 360.0, is_small=False)
    assert isinstance(found, Measurement) and found.value == pytest.approx(0.459) and found.is_reached is False
    assert "$4.59 an hour" in found.note
    monkeypatch.setattr(video_model, "this_device", lambda: "NVIDIA of 2031")
    (told,) = video_model._cost(81, 360.0, is_small=False)
    assert told == {"81_frames.dollars": "not told: there is no price of NVIDIA of 2031"}
