"""Anchor attention: frames of a clip come out alike, and batches do not matter."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.anchors import AnchorAttention
from frugal_motion.nodes.sampling.parts import Position, RowPlan, after, batch_from

from .conftest import ROUNDING, Diffusion, hints
from .test_sampler import FRAMES, PLAN, assert_same, edit, edit_clips

RATE = Fraction(12)
MODES = pytest.mark.parametrize("mode", ["sparse", "dense"])


@MODES
def test_next_to_no_strength_changes_next_to_nothing(diffusion: Diffusion, mode: str) -> None:
    """Further keys that repeat a frame's own are not noticed."""
    assert_same(
        edit(diffusion, hints(FRAMES), mode=mode, anchor=1e-9).args[0],
        edit(diffusion, hints(FRAMES), mode=mode).args[0],
    )


def test_frames_look_at_the_first_and_at_the_keyframe_before() -> None:
    """Two clips in a batch: a whole one of three keyframes, and the beginning of one that goes on."""
    plans = [every_nth(9, RATE, 4), every_nth(9, RATE, 4)]
    row_plans = [RowPlan.of("sparse", plan) for plan in plans]
    parts = batch_from(row_plans, Position(), 5)
    anchors = AnchorAttention(1.0)
    anchors.begin(parts, plans)
    features = torch.arange(2 * 5 * 2 * 3.0).view(2 * 5, 2, 3)  # prompts x rows, tokens, channels
    options = {"sigmas": torch.tensor([2.0]), "cond_or_uncond": [0, 1], "block": ("input", 1), "block_index": 0}
    n, context, value = anchors(features, features, features, options)
    first, previous = [0, 0, 0, 3, 3], [0, 0, 1, 3, 3]
    assert n is features and torch.equal(context, value)
    for prompt, rows in enumerate(features.chunk(2)):
        wanted = torch.cat((rows, rows[first], rows[previous]), dim=1)
        assert torch.equal(context.chunk(2)[prompt], wanted)
    anchors.commit()
    rest = batch_from(row_plans, after(parts), 5)
    anchors.begin(rest, plans)
    later = torch.full((2, 2, 3), 7.0)  # one row, for both prompts
    _, context, _ = anchors(later, later, later, options)
    for prompt, rows in enumerate(features.chunk(2)):
        assert torch.equal(context[prompt], torch.cat((later[prompt], rows[3], rows[4])))


def test_the_first_frame_looks_at_itself(diffusion: Diffusion) -> None:
    anchored, free = (edit(diffusion, hints(FRAMES), anchor=anchor).args[0] for anchor in (1.0, 0.0))
    assert (anchored[0] - free[0]).abs().mean() < ROUNDING
    assert (anchored[1] - free[1]).abs().mean() > 1e-4


@MODES
@pytest.mark.parametrize("sampler", ["dpmpp_2m", "heun"])
def test_batches_do_not_matter(diffusion: Diffusion, mode: str, sampler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heun asks the net twice at a noise level."""
    plan = every_nth(FRAMES, RATE, 2, cuts=(5,))
    changes: dict[str, Any] = {"mode": mode, "anchor": 0.8, "sampler_name": sampler}
    whole = edit(diffusion, hints(FRAMES), plan, **changes).args[0]
    monkeypatch.setattr(sampling, "free_memory", lambda device: 1)
    assert_same(edit(diffusion, hints(FRAMES), plan, **changes).args[0], whole)


def test_clips_look_at_themselves_alone(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [hints(FRAMES), hints(FRAMES).flip(2)]
    alone = [edit(diffusion, image, anchor=1.0).args[0] for image in images]
    sample = sampling.comfy.sample.sample_custom

    def tight(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if len(noise) > 4:  # a batch ends inside the second clip
            raise torch.cuda.OutOfMemoryError("five rows do not fit")
        return sample(model, noise, *args, **kwargs)

    for limit in (sample, tight):
        monkeypatch.setattr(sampling.comfy.sample, "sample_custom", limit)
        together = edit_clips(diffusion, control_images=images, keyframes=[PLAN], anchor=[1.0]).args[0]
        for one, other in zip(together, alone, strict=True):
            assert (one - other).abs().mean() < 1e-4


def test_models_without_such_attention_are_refused(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.sampling.editor.UNetModel", int)
    with pytest.raises(InputError, match="anchor: found 1 with BaseModel; allowed: 0, or SD1.5"):
        edit(diffusion, hints(FRAMES), anchor=1.0)
