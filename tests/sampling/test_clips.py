"""Several clips in one batch: each comes out as it would alone."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.conditioning import can_stack
from frugal_motion.nodes.sampling.node import FrugalTextLines

from .conftest import Diffusion, hints
from .test_sampler import assert_same, edit, edit_clips

RATE = Fraction(12)
PLANS = [every_nth(9, RATE, 4), every_nth(5, RATE, 3, cuts=(2,)), every_nth(1, RATE, 4)]
SEEDS = [7, 8, 2**63]
LONG = "a tall marble statue of a dancer " * 12  # more than the 77 tokens of a text encoder's window


@cache
def prompts(diffusion: Diffusion) -> list[Any]:
    """Encoded once: the text encoder is by far the largest of the models here."""
    texts = ("a neon robot at night", LONG, "")
    return [diffusion.clip.encode_from_tokens_scheduled(diffusion.clip.tokenize(text)) for text in texts]


def clips(diffusion: Diffusion) -> dict[str, list[Any]]:
    images = [hints(plan.frame_count).roll(index, dims=3) for index, plan in enumerate(PLANS)]
    return {"control_images": images, "keyframes": PLANS, "seed": SEEDS, "positive": prompts(diffusion)}


def alone(diffusion: Diffusion, clip: int, **changes: Any) -> torch.Tensor:
    given = {name: values[clip] for name, values in clips(diffusion).items()}
    frames: torch.Tensor = edit(
        diffusion, given.pop("control_images"), given.pop("keyframes"), **given, **changes
    ).args[0]
    return frames


OTHER_SAMPLERS = ("dpmpp_2m", "euler_ancestral", "dpmpp_sde_gpu", "lcm")


@pytest.mark.parametrize("mode", ["sparse", "dense"])
@pytest.mark.parametrize(
    "sampler",
    ["dpmpp_2m_sde", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHER_SAMPLERS)],
)
def test_a_clip_comes_out_as_it_would_alone(diffusion: Diffusion, mode: str, sampler: str) -> None:
    changes = {"mode": mode, "sampler_name": sampler}
    output = edit_clips(diffusion, **clips(diffusion), **{name: [value] for name, value in changes.items()})
    frames, plans = output.args
    assert len(frames) == len(plans) == 3
    for clip, (together, plan) in enumerate(zip(frames, plans, strict=True)):
        wanted = PLANS[clip].frames if mode == "sparse" else range(PLANS[clip].frame_count)
        assert plan.frames == tuple(wanted) and plan.cuts == PLANS[clip].cuts
        expected = alone(diffusion, clip, **changes)
        assert together.shape == expected.shape
        difference = (together - expected).abs()
        assert difference.mean() < 1e-4 and difference.max() < 2e-2
    assert (frames[0][0] - frames[1][0]).abs().mean() > 0.01, "clips must differ for this to prove anything"


def test_they_do_share_a_batch(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    sample, batches = sampling.comfy.sample.sample_custom, []

    def counted(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        batches.append(len(noise))
        return sample(model, noise, *args, **kwargs)

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", counted)
    edit_clips(diffusion, **clips(diffusion))
    assert batches == [sum(len(plan.frames) for plan in PLANS)]


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_batches_that_hold_less_change_nothing(
    diffusion: Diffusion, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = edit_clips(diffusion, **clips(diffusion), mode=[mode]).args[0]
    sample = sampling.comfy.sample.sample_custom

    def tight(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if len(noise) > 5:
            raise torch.cuda.OutOfMemoryError("six rows do not fit")
        return sample(model, noise, *args, **kwargs)

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", tight)
    for one, other in zip(edit_clips(diffusion, **clips(diffusion), mode=[mode]).args[0], whole, strict=True):
        difference = (one - other).abs()
        assert difference.mean() < 1e-4 and difference.max() < 2e-2


def test_clips_of_another_size_keep_their_place(diffusion: Diffusion) -> None:
    images = [hints(9), hints(9, 72), hints(9)]
    frames = edit_clips(diffusion, control_images=images, keyframes=[PLANS[0]]).args[0]
    assert [tuple(frame.shape) for frame in frames] == [(3, 64, 64, 3), (3, 72, 72, 3), (3, 64, 64, 3)]
    assert_same(frames[1], edit(diffusion, hints(9, 72)).args[0])


def test_a_prompt_of_another_form_is_sampled_apart(diffusion: Diffusion) -> None:
    """One prompt counts for the left half of the picture only: that is no matter of embeddings."""
    [[text, options]] = diffusion.positive
    half = [[text, {**options, "area": (8, 4, 0, 0), "set_area_to_bounds": False, "strength": 1.0}]]
    assert not can_stack([half, diffusion.positive])
    frames = edit_clips(diffusion, control_images=[hints(9)], keyframes=[PLANS[0]], positive=[half, diffusion.positive])
    assert_same(frames.args[0][0], edit(diffusion, hints(9), positive=half).args[0])
    assert_same(frames.args[0][1], edit(diffusion, hints(9)).args[0])


def test_a_bad_clip_fails_alone_and_is_named(diffusion: Diffusion) -> None:
    images = [hints(9), hints(4), hints(9)]
    output = edit_clips(diffusion, control_images=images, keyframes=[PLANS[0]], seed=SEEDS)
    frames, plans = output.args
    assert isinstance(frames[1], ExecutionBlocker) and isinstance(plans[1], ExecutionBlocker)
    assert_same(frames[2], edit(diffusion, hints(9), seed=SEEDS[2]).args[0])
    (text,) = output.ui["text"]
    assert "6 frames of 2 clips" in text and "clip 2 is left out: control_images: found 4" in text
    (strip,) = output.ui["frugal_sampled"]
    assert strip["frames"] == list(plans[0].frames) and strip["report"] == text and strip["film"]["filename"]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"seed": [1, 2]}, "seed: found a list of 2; allowed: 1 for all, or 3, as there are of control_images"),
        ({"steps": [3, 4]}, "steps: found a list of 2 different values; allowed: one value for all clips"),
    ],
)
def test_lists_that_do_not_go_together(diffusion: Diffusion, lists: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        edit_clips(diffusion, control_images=[hints(9)] * 3, keyframes=[PLANS[0]], **lists)


def test_text_lines() -> None:
    assert FrugalTextLines.execute(" a robot \n\na golem, in snow\n").args[0] == ["a robot", "a golem, in snow"]
    with pytest.raises(InputError, match="text: found no lines"):
        FrugalTextLines.execute(" \n")
