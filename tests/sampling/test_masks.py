"""Frames redrawn under a mask, against ComfyUI's own sampler with its noise mask."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import comfy.sample
import numpy as np
import pytest
import torch

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.interpolation.interpolator import NetInterpolator
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.keyframe_control import keyframed
from frugal_motion.nodes.sampling.masks import masks_of_frames
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.nodes.video.tensors import to_frames, to_image
from nodes import ControlNetApplyAdvanced, SetLatentNoiseMask, VAEEncode

from .conftest import ROUNDING, Diffusion, hints
from .test_edit import BETWEEN, rife
from .test_sampler import FRAMES, PLAN, assert_same, edit, edit_clips

__all__ = ["rife"]


def masks(count: int = FRAMES, size: int = 64) -> torch.Tensor:
    """A block that moves by a latent's place a frame."""
    found = torch.zeros(count, size, size)
    for frame in range(count):
        found[frame, 16:48, 4 * frame : 4 * frame + 24] = 1
    return found


def clip(seed: int = 3) -> torch.Tensor:
    """Pictures as they come back from frames of 8 bits."""
    noise = torch.rand(FRAMES, 8, 8, 3, generator=torch.Generator().manual_seed(seed))
    return to_image(to_frames(noise.repeat_interleave(8, 1).repeat_interleave(8, 2)))


def video(images: torch.Tensor) -> StreamVideo:
    return StreamVideo(ArrayStream(to_frames(images), PLAN.frame_rate))


def grey_video(planes: torch.Tensor) -> StreamVideo:
    return video(planes[..., None].expand(-1, -1, -1, 3))


def stock(
    diffusion: Diffusion, control: Any, frames: list[int], denoise: float, planes: torch.Tensor | None = None
) -> torch.Tensor:
    planes = masks() if planes is None else planes
    (encoded,) = VAEEncode().encode(diffusion.vae, clip()[frames])
    (latent,) = SetLatentNoiseMask().set_mask(encoded, planes[frames])
    keys = [i for i, frame in enumerate(frames) if frame in PLAN.frames]
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        diffusion.positive, diffusion.negative, control, hints(FRAMES)[[frames[i] for i in keys]], 1.0, 0.0, 1.0
    )
    noise = comfy.sample.prepare_noise(latent["samples"][:1], 7).repeat(len(frames), 1, 1, 1)
    samples = comfy.sample.sample(
        diffusion.model,
        noise,
        3,
        4.0,
        "dpmpp_2m",
        "karras",
        positive,
        negative,
        latent["samples"],
        denoise=denoise,
        noise_mask=latent["noise_mask"],
        seed=7,
        disable_pbar=True,
    )
    return diffusion.vae.decode(samples)  # type: ignore[no-any-return]


@pytest.mark.parametrize("denoise", [1.0, 0.6])
@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_it_is_what_comfyui_makes_under_its_noise_mask(diffusion: Diffusion, mode: str, denoise: float) -> None:
    is_sparse = mode == "sparse"
    frames = list(PLAN.frames if is_sparse else range(FRAMES))
    control = diffusion.control_net if is_sparse else keyframed(diffusion.control_net, PLAN)
    given = {"source_video": video(clip()), "mode": mode, "denoise": denoise}
    found = edit(diffusion, hints(FRAMES), mask=grey_video(masks()), **given).args[0]
    assert_same(found, stock(diffusion, control, frames, denoise))
    assert torch.equal(found, edit(diffusion, hints(FRAMES), mask=masks(), **given).args[0]), "a MASK is the same"


def test_the_result_does_not_depend_on_the_memory(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"source_video": video(clip()), "mask": masks()}
    whole = edit(diffusion, hints(FRAMES), **given).args[0]
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edit(diffusion, hints(FRAMES), **given).args[0], whole)


def test_clips_with_and_without_a_mask_come_out_as_alone(diffusion: Diffusion) -> None:
    sources, wanted = [video(clip(1)), video(clip(2)), None], [masks(), masks().flip(0), None]
    lists = {"control_images": [hints(FRAMES)], "keyframes": [PLAN], "source_video": sources, "mask": wanted}
    together = edit_clips(diffusion, **lists).args[0]
    for frames, source, mask in zip(together, sources, wanted, strict=True):
        assert_same(frames, edit(diffusion, hints(FRAMES), source_video=source, mask=mask).args[0])


def test_hybrid_redraws_frames_between_under_their_masks(diffusion: Diffusion, rife: Any) -> None:
    """Around the masks they are the source's, as the VAE shows it."""
    given = {"source_video": video(clip()), "mode": "hybrid", "interp_model": rife, "refine_denoise": 0.8}
    frames = edit(diffusion, hints(FRAMES), mask=masks(), **given).args[0]
    rough = edit(diffusion, hints(FRAMES), mask=masks(), **{**given, "refine_denoise": 0.0}).args[0]
    inside = masks()[BETWEEN].bool()
    assert torch.equal(rough[BETWEEN][~inside], clip()[BETWEEN][~inside])
    again = diffusion.vae.decode(diffusion.vae.encode(rough[BETWEEN]))
    difference = (frames[BETWEEN] - again).abs().mean(dim=-1)
    assert difference[inside].mean() > 1e-3
    assert difference[:, :, 56:].mean() < 0.2 * difference[inside].mean(), "far from the mask only the VAE shows"


def emptied(frames: Sequence[int]) -> torch.Tensor:
    found = masks()
    found[list(frames)] = 0
    return found


def counted_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every batch from now on."""
    sample, batches = sampling.comfy.sample.sample_custom, []

    def count(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        batches.append(len(noise))
        return sample(model, noise, *args, **kwargs)

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", count)
    return batches


@pytest.mark.parametrize(
    ("mode", "nobody", "rows"),
    [
        ("sparse", (4,), 2),
        ("dense", (4, 7), 9 - 1),  # keyframe 4 is sampled beside 3 and 5, which need its residuals
        ("dense", (0, 1, 2, 3, 4), 9 - 4),
    ],
)
def test_frames_with_an_empty_mask_pass_and_change_nothing(
    diffusion: Diffusion, mode: str, nobody: tuple[int, ...], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_sparse = mode == "sparse"
    frames = list(PLAN.frames if is_sparse else range(FRAMES))
    control = diffusion.control_net if is_sparse else keyframed(diffusion.control_net, PLAN)
    expected = stock(diffusion, control, frames, 1.0, emptied(nobody))
    given = {"source_video": video(clip()), "mode": mode, "mask": emptied(nobody)}
    batches = counted_rows(monkeypatch)
    found = edit(diffusion, hints(FRAMES), **given)
    redrawn = [row for row, frame in enumerate(frames) if frame not in nobody]
    passed = [row for row, frame in enumerate(frames) if frame in nobody]
    assert found.args[1].frames == tuple(frames)
    assert torch.equal(found.args[0][passed], clip()[[frames[row] for row in passed]])
    assert_same(found.args[0][redrawn], expected[redrawn])
    assert batches == [rows]
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edit(diffusion, hints(FRAMES), **given).args[0], found.args[0])


def test_with_an_anchor_frames_look_at_the_first_that_is_redrawn(
    diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"source_video": video(clip()), "mask": emptied((0, 4)), "mode": "dense", "anchor": 0.8}
    whole = edit(diffusion, hints(FRAMES), **given).args[0]
    free = edit(diffusion, hints(FRAMES), **{**given, "anchor": 0.0}).args[0]
    assert (whole[1] - free[1]).abs().mean() < ROUNDING, "frame 1 is the first: it looks at itself"
    assert (whole[2] - free[2]).abs().mean() > 1e-4
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edit(diffusion, hints(FRAMES), **given).args[0], whole)


def test_hybrid_leaves_frames_with_an_empty_mask_as_they_are(
    diffusion: Diffusion, rife: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"source_video": video(clip()), "mode": "hybrid", "interp_model": rife}
    whole = edit(diffusion, hints(FRAMES), mask=masks(), **given).args[0]
    batches = counted_rows(monkeypatch)
    nobody = [5, 7]
    found = edit(diffusion, hints(FRAMES), mask=emptied(nobody), **given).args[0]
    others = [frame for frame in range(FRAMES) if frame not in nobody]
    assert torch.equal(found[nobody], clip()[nobody])
    assert_same(found[others], whole[others])
    assert batches == [3, 4]
    batches.clear()
    assert torch.equal(edit(diffusion, hints(FRAMES), mask=emptied(BETWEEN), **given).args[0][BETWEEN], clip()[BETWEEN])
    assert batches == [3]


@pytest.mark.parametrize("mode", ["sparse", "dense", "hybrid"])
def test_without_anything_under_the_masks_no_net_is_run(
    diffusion: Diffusion, rife: Any, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("a net was run")

    for place, name in ((sampling.comfy.sample, "sample_custom"), (diffusion.vae, "encode"), (diffusion.vae, "decode")):
        monkeypatch.setattr(place, name, fail)
    monkeypatch.setattr(NetInterpolator, "make", fail)
    shared = {"mode": [mode], "interp_model": [rife], "control_images": [hints(FRAMES)], "keyframes": [PLAN]}
    output = edit_clips(diffusion, source_video=[video(clip())], mask=[torch.zeros(1, 8, 8)], **shared)
    frames = list(PLAN.frames if mode == "sparse" else range(FRAMES))
    assert torch.equal(output.args[0][0], clip()[frames])
    count = len(frames)
    assert f"clip 1: {count} frames stay as in the source, with nothing under the mask" in output.ui["text"][0]


def test_a_clip_without_anybody_shares_the_run_of_others(diffusion: Diffusion) -> None:
    nobody, lists = torch.zeros(1, 8, 8), {"control_images": [hints(FRAMES)], "keyframes": [PLAN]}
    sources = [video(clip(1)), video(clip(2))]
    frames = edit_clips(diffusion, **lists, source_video=sources, mask=[nobody, masks()]).args[0]
    assert torch.equal(frames[0], clip(1)[list(PLAN.frames)])
    assert_same(frames[1], edit(diffusion, hints(FRAMES), source_video=sources[1], mask=masks()).args[0])


def test_steady_colours_leave_frames_alone_that_are_not_redrawn(diffusion: Diffusion) -> None:
    given = {"source_video": video(clip()), "mask": emptied((4,)), "steady_colours": 1.0}
    found = edit(diffusion, hints(FRAMES), **given).args[0]
    assert torch.equal(found[1], clip()[4])


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (masks(5), "mask: found 5; allowed: 1 (one for all), 3 (one per keyframe), 9 (one per frame)"),
        (grey_video(masks(3)), "mask: found 3; allowed: 9 (one per frame)"),
        (masks()[:, :32], "mask: found 64x32; allowed: the shape of 64x64, as source_video has, at any size"),
        (grey_video(masks()[:, :, :40]), "mask: found 40x64; allowed: the shape of 64x64"),
    ],
)
def test_masks_of_another_clip_are_refused(diffusion: Diffusion, mask: Any, told: str) -> None:
    with pytest.raises(InputError) as refused:
        edit(diffusion, hints(FRAMES), source_video=video(clip()), mask=mask)
    assert told in str(refused.value)


def test_a_mask_needs_the_clip_that_stays(diffusion: Diffusion) -> None:
    with pytest.raises(InputError, match="mask: found one without a source video"):
        edit(diffusion, hints(FRAMES), mask=masks())


def test_masks_of_another_size_and_rate_are_taken_frame_by_frame(diffusion: Diffusion) -> None:
    given = {"source_video": video(clip()), "denoise": 0.6}
    large = masks().repeat_interleave(3, 1).repeat_interleave(3, 2)
    other_rate = StreamVideo(ArrayStream(to_frames(large[..., None].expand(-1, -1, -1, 3)), Fraction(30)))
    found = edit(diffusion, hints(FRAMES), mask=other_rate, **given).args[0]
    assert torch.equal(found, edit(diffusion, hints(FRAMES), mask=masks(), **given).args[0])


def test_masks_are_brought_to_the_frames_and_their_size() -> None:
    plan = Keyframes((0, 4, 8), FRAMES, PLAN.frame_rate)
    by_keyframe = torch.stack([torch.full((32, 16), value) for value in (0.0, 0.5, 1.0)])
    found = masks_of_frames(by_keyframe, plan, range(FRAMES), (48, 64))
    assert found.shape == (FRAMES, 64, 48)
    np.testing.assert_allclose(found[:, 0, 0], [0, 0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1])
    assert masks_of_frames(by_keyframe[:1], plan, [2, 5], (8, 8)).shape == (2, 8, 8)
