"""Hybrid edits and steady colours."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import pytest
import torch
from comfy_execution.graph_utils import ExecutionBlocker
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interpolation.node import FrugalLoadInterpolator
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.sampling import editor, sampler
from frugal_motion.nodes.sampling.colour import steadied
from nodes import ControlNetApplyAdvanced

from ..interpolation.scene import FINE, Scene
from .conftest import Diffusion, hints
from .test_sampler import FRAMES, PLAN, assert_same, edit, edit_clips

BETWEEN = [1, 2, 3, 5, 6, 7]


@pytest.fixture
def rife(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    paths = ([str(assets / "models" / "frame_interpolation")], {".safetensors"})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "frame_interpolation", paths)
    folder_paths.filename_list_cache.pop("frame_interpolation", None)
    return FrugalLoadInterpolator.execute("rife_v4.26.safetensors").args[0]


def test_hybrid_keeps_keyframes_and_redraws_the_others(diffusion: Diffusion, rife: Any) -> None:
    sparse = edit(diffusion, hints(FRAMES)).args[0]
    frames, plan = edit(diffusion, hints(FRAMES), mode="hybrid", interp_model=rife).args
    assert len(frames) == FRAMES and plan.frames == tuple(range(FRAMES))
    assert torch.equal(frames[list(PLAN.frames)], sparse)
    rough = edit(diffusion, hints(FRAMES), mode="hybrid", interp_model=rife, refine_denoise=0.0).args[0]
    assert torch.equal(rough[list(PLAN.frames)], sparse)
    assert (frames - rough)[BETWEEN].abs().mean() > 1e-3


def test_hybrid_stops_at_cuts_and_takes_any_clip(diffusion: Diffusion, rife: Any) -> None:
    cut = Keyframes((0, 4, 5, 8), FRAMES, PLAN.frame_rate, (5,))
    alone = Keyframes((0,), 1, PLAN.frame_rate)
    lists = {"mode": ["hybrid"], "interp_model": [rife], "refine_denoise": [0.0]}
    frames, plans = edit_clips(
        diffusion, control_images=[hints(FRAMES), hints(1)], keyframes=[cut, alone], **lists
    ).args
    assert [len(clip) for clip in frames] == [FRAMES, 1] and plans[0].cuts == (5,)
    assert_same(frames[0][[0, 4, 5, 8]], edit(diffusion, hints(FRAMES), cut).args[0])


def test_hybrid_needs_an_interpolator(diffusion: Diffusion) -> None:
    with pytest.raises(InputError, match="interp_model: found nothing"):
        edit(diffusion, hints(FRAMES), mode="hybrid")


def test_colours_are_steadied_in_every_shot_for_itself() -> None:
    base = torch.rand(1, 16, 16, 3, generator=torch.Generator().manual_seed(0)) * 0.4 + 0.2
    gains = torch.tensor([0.9, 1.0, 1.1, 1.0, 0.7, 0.8]).view(-1, 1, 1, 1)
    frames = base * gains
    shots = [[0, 1, 2, 3], [4, 5]]
    steady = steadied(frames, shots, 1.0)
    means = steady.mean(dim=(1, 2))
    for shot in shots:
        torch.testing.assert_close(
            means[shot], frames[shot].mean(dim=(0, 1, 2)).expand(len(shot), 3), rtol=0, atol=1e-3
        )
    half = steadied(frames, shots, 0.5)
    torch.testing.assert_close(half, (frames + steady) / 2, rtol=0, atol=1e-3)
    assert steadied(frames, shots, 0.0) is frames


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from((0.0, 0.3, 1.0)))
def test_steady_colours_stay_in_range(seed: int, count: int, level: float) -> None:
    frames = torch.rand(count, 4, 4, 3, generator=torch.Generator().manual_seed(seed)) * level
    result = steadied(frames, [list(range(count)), []], 1.0)
    assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1


def test_hybrid_gives_frames_between_the_text_of_the_nearest_keyframe(diffusion: Diffusion, rife: Any) -> None:
    text, options = diffusion.positive[0]
    rows = text * torch.tensor([0.2, 1.0, 2.0]).view(-1, 1, 1)
    both = [
        edit(diffusion, hints(FRAMES), mode="hybrid", interp_model=rife, positive=[[given, options]]).args[0]
        for given in (rows, rows[[0, 0, 0, 1, 1, 1, 1, 2, 2]])
    ]
    assert_same(*both)


def test_hybrid_redraws_frames_between_without_any_control(diffusion: Diffusion, rife: Any) -> None:
    """A second ControlNet with a hint per keyframe has none for the frames between."""
    seen: list[Any] = []

    def watch(apply_model: Any, given: dict[str, Any]) -> Any:
        seen.append((len(given["input"]) // len(given["cond_or_uncond"]), given["c"].get("control") is not None))
        return apply_model(given["input"], given["timestep"], **given["c"])

    model = diffusion.model.clone()
    model.set_model_unet_function_wrapper(watch)
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        diffusion.positive, diffusion.negative, diffusion.control_net, hints(len(PLAN.frames)), 1.0, 0, 1
    )
    edit(diffusion, hints(FRAMES), mode="hybrid", interp_model=rife, model=model, positive=positive, negative=negative)
    assert set(seen) == {(len(PLAN.frames), True), (len(BETWEEN), False)}


def drawn_like(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decoded are the scene's keyframes: an untrained model draws nobody who could follow a motion."""
    keys = torch.from_numpy(scene.keys / np.float32(255))
    monkeypatch.setattr(editor, "_decoded", lambda *_: keys.clone())


def test_figures_between_keyframes_follow_a_motion(
    diffusion: Diffusion, rife: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(frames=9)
    drawn_like(scene, monkeypatch)
    given = {"mode": "hybrid", "interp_model": rife, "refine_denoise": 0.0}
    plain = edit(diffusion, hints(9), scene.plan, **given).args[0]
    followed = edit(diffusion, hints(9), scene.plan, **given, motion=scene.motion).args[0]
    truth = torch.from_numpy(np.stack([scene.drawn(frame * FINE) for frame in range(9)]) / np.float32(255))
    assert torch.equal(followed[list(scene.plan.frames)], plain[list(scene.plan.frames)])
    errors = [((made - truth)[BETWEEN] ** 2).mean() for made in (followed, plain)]
    assert errors[0] < errors[1] / 2


def test_every_clip_follows_its_own_motion_and_says_so(
    diffusion: Diffusion, rife: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(frames=9)
    drawn_like(scene, monkeypatch)
    still = scene.motion.with_keypoints(scene.motion.keypoints[:1].repeat(9, axis=0))
    lists = {"mode": ["hybrid"], "interp_model": [rife], "refine_denoise": [0.0], "keyframes": [scene.plan]}
    motions = [scene.motion, still, replace(scene.motion, frame_rate=Fraction(24))]
    output = edit_clips(diffusion, control_images=[hints(9)] * 3, **lists, motion=motions)
    frames = output.args[0]
    alone = [edit_clips(diffusion, control_images=[hints(9)], **lists, motion=[one]).args[0][0] for one in motions[:2]]
    assert torch.equal(frames[0], alone[0]) and torch.equal(frames[1], alone[1])
    assert not torch.equal(frames[0], frames[1])
    assert isinstance(frames[2], ExecutionBlocker)
    (text,) = output.ui["text"]
    assert "clip 1: figures follow the motion" in text and "clip 2: " in text
    assert "clip 3 is left out: motion: found 24 frames per second; allowed: 12" in text


def test_a_motion_of_another_clip_is_refused_before_anything_is_sampled(
    diffusion: Diffusion, rife: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler.comfy.sample, "sample_custom", None)
    motion = Scene(frames=5).motion
    with pytest.raises(InputError, match="motion: found 5 frames; allowed: 9 frames, as the plan"):
        edit(diffusion, hints(FRAMES), mode="hybrid", interp_model=rife, motion=motion)


def test_a_motion_counts_in_hybrid_mode_only(diffusion: Diffusion) -> None:
    motion = Scene(frames=5).motion
    assert torch.equal(edit(diffusion, hints(FRAMES), motion=motion).args[0], edit(diffusion, hints(FRAMES)).args[0])
