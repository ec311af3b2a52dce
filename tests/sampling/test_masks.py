"""Frames redrawn under a mask, against ComfyUI's own sampler with its noise mask."""

from __future__ import annotations

from typing import Any

import comfy.sample
import numpy as np
import pytest
import torch

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.keyframe_control import keyframed
from frugal_motion.nodes.sampling.masks import masks_of_frames
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.nodes.video.tensors import to_frames, to_image
from nodes import ControlNetApplyAdvanced, SetLatentNoiseMask, VAEEncode

from .conftest import Diffusion, hints
from .test_edit import rife
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


def stock(diffusion: Diffusion, control: Any, frames: list[int], denoise: float) -> torch.Tensor:
    (encoded,) = VAEEncode().encode(diffusion.vae, clip()[frames])
    (latent,) = SetLatentNoiseMask().set_mask(encoded, masks()[frames])
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
    given = {"source_video": video(clip()), "mode": "hybrid", "interp_model": rife, "refine_denoise": 0.8}
    nowhere = masks()
    nowhere[[1, 2, 3, 5, 6, 7]] = 0
    frames = edit(diffusion, hints(FRAMES), mask=masks(), **given).args[0]
    kept = edit(diffusion, hints(FRAMES), mask=nowhere, **given).args[0]
    between, keys = [1, 2, 3, 5, 6, 7], list(PLAN.frames)
    assert_same(frames[keys], kept[keys])
    rough = edit(diffusion, hints(FRAMES), mask=masks(), **{**given, "refine_denoise": 0.0}).args[0]
    again = diffusion.vae.decode(diffusion.vae.encode(rough[between]))
    assert (kept[between] - again).abs().mean() < 1e-4, "a mask of nothing leaves them but for the VAE"
    assert (frames[between] - again).abs().mean() > 1e-3


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (masks(5), "mask: found 5; allowed: 1 (one for all), 3 (one per keyframe), 9 (one per frame)"),
        (grey_video(masks(3)), "mask: found 3; allowed: 9 (one per frame)"),
    ],
)
def test_masks_of_another_clip_are_refused(diffusion: Diffusion, mask: Any, told: str) -> None:
    with pytest.raises(InputError) as refused:
        edit(diffusion, hints(FRAMES), source_video=video(clip()), mask=mask)
    assert told in str(refused.value)


def test_a_mask_needs_the_clip_that_stays(diffusion: Diffusion) -> None:
    with pytest.raises(InputError, match="mask: found one without a source video"):
        edit(diffusion, hints(FRAMES), mask=masks())


def test_masks_are_brought_to_the_frames_and_their_size() -> None:
    plan = Keyframes((0, 4, 8), FRAMES, PLAN.frame_rate)
    by_keyframe = torch.stack([torch.full((32, 16), value) for value in (0.0, 0.5, 1.0)])
    found = masks_of_frames(by_keyframe, plan, range(FRAMES), (48, 64))
    assert found.shape == (FRAMES, 64, 48)
    np.testing.assert_allclose(found[:, 0, 0], [0, 0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1])
    assert masks_of_frames(by_keyframe[:1], plan, [2, 5], (8, 8)).shape == (2, 8, 8)
