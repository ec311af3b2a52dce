"""What paints into pictures, under a mask per frame, against ComfyUI's own nodes for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import comfy.sample
import pytest
import torch
from comfy_extras.nodes_controlnet import ControlNetInpaintingAliMamaApply
from comfy_extras.nodes_differential_diffusion import DifferentialDiffusion

from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.editor import ClipInput, EditMode, Editor, EditSettings, Models
from frugal_motion.nodes.sampling.families import paints_into_pictures
from frugal_motion.nodes.sampling.keyframe_control import keyframed
from frugal_motion.nodes.sampling.sampler import Control, SamplerSettings
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.nodes.video.tensors import to_frames, to_image
from nodes import ControlNetApplyAdvanced, InpaintModelConditioning

from .families import Family, flux, flux_fill, flux_inpaint_control, sd15, sd15_inpaint, sd15_instructed
from .test_edit import rife

__all__ = ["rife"]

FRAMES, SIZE, SEED = 9, 64, 7
PLAN = every_nth(FRAMES, Fraction(12), 4)
BETWEEN = [frame for frame in range(FRAMES) if frame not in PLAN.frames]
STEPS, REFINE_STEPS, REFINE_DENOISE = 3, 2, 0.6


def differential() -> Family:
    family = replace(sd15(), vae=sd15_inpaint().vae)
    return replace(family, model=DifferentialDiffusion.execute(family.model).args[0])


KINDS: dict[str, Callable[[], Family]] = {
    made.__name__: made for made in (sd15_inpaint, flux_fill, flux_inpaint_control, differential)
}


@pytest.fixture(scope="module", params=KINDS)
def family(request: pytest.FixtureRequest) -> Family:
    return KINDS[request.param]()


def pictures(seed: int = 3) -> torch.Tensor:
    noise = torch.rand(FRAMES, 8, 8, 3, generator=torch.Generator().manual_seed(seed))
    return to_image(to_frames(noise.repeat_interleave(8, 1).repeat_interleave(8, 2)))


def masks() -> torch.Tensor:
    """A block that moves by a latent's place a frame, less sure on one side."""
    found = torch.zeros(FRAMES, SIZE, SIZE)
    for frame in range(FRAMES):
        found[frame, 16:48, 4 * frame : 4 * frame + 24] = 1
        found[frame, 40:48, 4 * frame : 4 * frame + 24] = 0.6
    return found


def clip(family: Family, seed: int = 3, mask: torch.Tensor | None = None) -> ClipInput:
    source = ArrayStream(to_frames(pictures(seed)), PLAN.frame_rate)
    wanted = masks() if mask is None else mask
    return ClipInput(family.positive, family.negative, pictures(5), PLAN, SEED, source, mask=wanted)


def edited(family: Family, mode: EditMode, clips: Sequence[ClipInput], net: Any = None, **changes: Any) -> Any:
    """Frames of every clip."""
    rows = SamplerSettings("dense" if mode == "dense" else "sparse", STEPS, 3.0, "euler", "simple")
    settings = EditSettings(mode, rows, **{"refine_steps": REFINE_STEPS, "refine_denoise": REFINE_DENOISE, **changes})
    editor = Editor(Models(family.model, family.vae, Control(family.control_net), net), settings)
    return [one.frames for one in editor.edit([editor.prepare(given) for given in clips])]


def stock(
    family: Family, images: torch.Tensor, mask: torch.Tensor, control: Any, denoise: float = 1.0, steps: int = STEPS
) -> torch.Tensor:
    """Pictures under masks, by ComfyUI's nodes; ``control`` is a net and its hints and masks."""
    positive, negative, latent = family.positive, family.negative, {"samples": family.vae.encode(images)}
    if paints_into_pictures(family.model):
        positive, negative, latent = InpaintModelConditioning().encode(positive, negative, images, family.vae, mask)
    if control:
        net, shown, hidden = control
        given = net, family.vae, shown, hidden, 1.0, 0.0, 1.0
        positive, negative = ControlNetInpaintingAliMamaApply.execute(positive, negative, *given).args
    noise = comfy.sample.prepare_noise(latent["samples"][:1], SEED).repeat(len(images), 1, 1, 1)
    samples = comfy.sample.sample(
        family.model,
        noise,
        steps,
        3.0,
        "euler",
        "simple",
        positive,
        negative,
        latent["samples"],
        denoise=denoise,
        noise_mask=mask,
        seed=SEED,
        disable_pbar=True,
    )
    decoded: torch.Tensor = family.vae.decode(samples)
    return decoded


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_it_is_what_comfyui_makes(family: Family, mode: EditMode, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, keys = list(PLAN.frames if mode == "sparse" else range(FRAMES)), list(PLAN.frames)
    net = family.control_net if mode == "sparse" else keyframed(family.control_net, PLAN)
    expected = stock(family, pictures()[frames], masks()[frames], (net, pictures(5)[keys], masks()[keys]))
    (found,) = edited(family, mode, [clip(family)])
    assert_same(found, expected)
    (other,) = edited(family, mode, [clip(family, mask=masks().flip(2))])
    assert (other - found).abs().mean() > 1e-2, "the masks must matter for this to prove anything"
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edited(family, mode, [clip(family)])[0], found)


def test_frames_between_in_mode_hybrid_are_what_comfyui_makes(family: Family, rife: Any) -> None:
    (rough,) = edited(family, "hybrid", [clip(family)], rife, refine_denoise=0.0)
    (found,) = edited(family, "hybrid", [clip(family)], rife)
    assert torch.equal(found[list(PLAN.frames)], edited(family, "sparse", [clip(family)])[0])
    expected = stock(family, rough[BETWEEN], masks()[BETWEEN], None, REFINE_DENOISE, REFINE_STEPS)
    assert_same(found[BETWEEN], expected)


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_clips_with_masks_of_their_own_share_a_batch(
    family: Family, mode: EditMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [clip(family, 1), clip(family, 2, masks().flip(0))]
    alone = [edited(family, mode, [one])[0] for one in clips]
    sample, batches = sampling.comfy.sample.sample_custom, []

    def count(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        batches.append(len(noise))
        return sample(model, noise, *args, **kwargs)

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", count)
    for found, expected in zip(edited(family, mode, clips), alone, strict=True):
        assert_same(found, expected)
    assert len(batches) == 1


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_pictures_that_a_prompt_brings_follow_the_batches(mode: EditMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """ComfyUI's node in front, with a picture and a mask for every frame: what it says counts."""
    family = sd15_inpaint()
    shown, hidden = pictures(8), masks().flip(2)
    positive, negative, _ = InpaintModelConditioning().encode(
        family.positive, family.negative, shown, family.vae, hidden, False
    )
    given = replace(clip(family), positive=positive, negative=negative)
    (whole,) = edited(family, mode, [given])
    assert (whole - edited(family, mode, [clip(family)])[0]).abs().mean() > 1e-3
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edited(family, mode, [given])[0], whole)


def test_a_control_whose_pictures_are_marked_gets_them_as_they_are() -> None:
    """The inpaint ControlNet of SD 1.5 wants -1 where is painted, from a preprocessor."""
    family = replace(sd15(), vae=sd15_inpaint().vae)
    marked = torch.where(masks()[..., None] > 0.5, -1.0, pictures(5))
    keys = list(PLAN.frames)
    (found,) = edited(family, "sparse", [replace(clip(family), control_images=marked)])
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        family.positive, family.negative, family.control_net, marked[keys], 1.0, 0.0, 1.0
    )
    told = replace(family, positive=positive, negative=negative)
    assert_same(found, stock(told, pictures()[keys], masks()[keys], None))


@pytest.mark.parametrize(
    ("made", "paints"),
    [(sd15, False), (sd15_inpaint, True), (sd15_instructed, False), (flux, False), (flux_fill, True)],
)
def test_which_models_paint_into_pictures(made: Callable[[], Family], paints: bool) -> None:
    assert paints_into_pictures(made().model) is paints


def test_without_a_mask_an_inpaint_model_makes_whole_pictures() -> None:
    family = sd15_inpaint()
    (found,) = edited(family, "sparse", [replace(clip(family), mask=None, source_video=None)])
    assert found.shape == (len(PLAN.frames), SIZE, SIZE, 3) and found.isfinite().all()
