"""Frames that look at a picture: against the net run by hand, in all modes, and beside what else looks and patches."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.models import load
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.parts import Part
from frugal_motion.nodes.sampling.reference import (
    LESS_NOISE,
    TIMES,
    Reference,
    ReferenceAttention,
    ReferenceSettings,
    fitted,
)
from frugal_motion.nodes.sampling.sampler import BatchSampler, SampledClip, SamplerSettings

from .conftest import ROUNDING, Diffusion, hints
from .families import sdxl
from .test_edit import rife
from .test_masks import clip, masks, video
from .test_sampler import FRAMES, PLAN, assert_same, edit, edit_clips

__all__ = ["rife"]

SHORT = {"steps": 2}
MODES = pytest.mark.parametrize("mode", ["sparse", "dense"])


def picture(seed: int = 5, height: int = 64, width: int = 64, channels: int = 3) -> torch.Tensor:
    """Coloured squares ``(1, height, width, channels)``."""
    noise = torch.rand(1, height // 8, width // 8, channels, generator=torch.Generator().manual_seed(seed))
    return noise.repeat_interleave(8, 1).repeat_interleave(8, 2)


def test_frames_attend_to_what_the_net_makes_of_the_reference(diffusion: Diffusion) -> None:
    """Two frames, both prompts: the net is run by hand on the reference, and frames are given what it found there."""
    generator = torch.Generator().manual_seed(1)
    device = diffusion.model.load_device
    load(diffusion.model)
    latents, noise = torch.randn(2, 1, 4, 8, 8, generator=generator).to(device)
    seen = (torch.arange(8.0) < 4).expand(1, 1, 8, 8).float()  # the left half
    frames, level = torch.randn(2, 4, 8, 8, generator=generator).to(device) * 3, 3.0
    text = diffusion.positive[0][0].to(device)
    model, found = diffusion.model.model, []

    def run(x: torch.Tensor, sigma: float, kinds: list[int], patches: list[Any], patched: Any = None) -> torch.Tensor:
        options = {"cond_or_uncond": kinds, "patches": {"attn1_patch": patches}, "wrappers": {}}
        if patched:
            options |= {
                "wrappers": patched.wrappers,
                "patches": patched.model_options["transformer_options"]["patches"],
            }
        levels = torch.full((len(x),), sigma, device=device)
        return model.apply_model(x, levels, c_crossattn=text.expand(len(x), -1, -1), transformer_options=options)

    def keep(n: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, _: Any) -> Any:
        found.append(n)
        return n, keys, values

    def look(n: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, _: Any) -> Any:
        reference, left = found.pop(0), (torch.arange(64, device=device) % 8 < 4)[:, None]
        looked_at = torch.where(left, torch.lerp(n[2:], reference.expand(2, -1, -1), 0.7), n[2:])
        more = torch.cat((n[:2], looked_at)).repeat(1, TIMES, 1)  # the negative prompt does not look
        return n, torch.cat((keys, more), 1), torch.cat((values, more), 1)

    run(latents + noise * level * LESS_NOISE, level * LESS_NOISE, [0], [keep])
    wanted = run(torch.cat((frames, frames)), level, [1, 0], [look])
    attention = ReferenceAttention(diffusion.model, ReferenceSettings(0.7))
    looking = diffusion.model.clone()
    attention.patch(looking)
    attention.begin([Part(0, (0, 4), (0, 1), 0, 2)], latents, noise, seen)
    made = run(torch.cat((frames, frames)), level, [1, 0], [], looking)
    assert_same(made, wanted)
    assert (made - run(torch.cat((frames, frames)), level, [1, 0], [])).abs().mean() > 1e-3


@MODES
def test_batches_do_not_matter(diffusion: Diffusion, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With frames that look at each other too; a batch may be a single row, as a reference is."""
    given = {**SHORT, "mode": mode, "anchor": 0.5, "reference": picture()}
    whole = edit(diffusion, hints(FRAMES), **given).args[0]
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edit(diffusion, hints(FRAMES), **given).args[0], whole)


def test_clips_look_at_their_own_picture(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    references = [picture(1), None, picture(2, 32, 96)]
    lists = {"control_images": [hints(FRAMES)], "keyframes": [PLAN], "steps": [2]}
    alone = [edit(diffusion, hints(FRAMES), reference=one, **SHORT).args[0] for one in references]
    assert all((alone[a] - alone[b]).abs().mean() > 2e-4 for a, b in ((0, 1), (1, 2), (0, 2)))
    sample, batches = sampling.comfy.sample.sample_custom, []

    def counted(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        batches.append(len(noise))
        return sample(model, noise, *args, **kwargs)

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", counted)
    for one, other in zip(edit_clips(diffusion, reference=references, **lists).args[0], alone, strict=True):
        assert (one - other).abs().mean() < 2e-5
    assert batches == [6, 3], "those with a picture share batches"


def test_no_strength_and_no_time_are_as_no_reference(diffusion: Diffusion) -> None:
    without = edit(diffusion, hints(FRAMES), **SHORT).args[0]
    for nothing in ({"reference_strength": 0.0}, {"reference_start": 1.0}, {"reference_end": 0.0}):
        assert torch.equal(edit(diffusion, hints(FRAMES), reference=picture(), **SHORT, **nothing).args[0], without)


def test_little_strength_changes_little(diffusion: Diffusion) -> None:
    """Keys that repeat a frame's own are not noticed."""
    found = edit(diffusion, hints(FRAMES), reference=picture(), reference_strength=1e-9, **SHORT).args[0]
    assert_same(found, edit(diffusion, hints(FRAMES), **SHORT).args[0])


def test_frames_between_look_too(diffusion: Diffusion, rife: Any) -> None:
    given = {**SHORT, "mode": "hybrid", "interp_model": rife, "refine_denoise": 0.6, "refine_steps": 2}
    with_keys_alone, whole = (
        edit(diffusion, hints(FRAMES), reference=picture(), reference_end=end, **given).args[0] for end in (0.3, 1.0)
    )
    assert (with_keys_alone - whole)[[1, 2, 3, 5, 6, 7]].abs().mean() > 1e-3


def test_outside_a_mask_nothing_changes(diffusion: Diffusion) -> None:
    given = {**SHORT, "source_video": video(clip()), "mask": masks()}
    looking, free = (edit(diffusion, hints(FRAMES), reference=one, **given).args[0] for one in (picture(), None))
    kept = diffusion.vae.decode(diffusion.vae.encode(clip()[list(PLAN.frames)]))
    assert (looking - free).abs().mean() > 1e-3
    assert (looking - kept)[:, :, 60:].abs().mean() < (looking - kept)[:, 24:40, :40].abs().mean() / 3


def test_patches_of_other_packs_work_beside_it(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    """More keys in cross-attention for as many rows as there are, as of an IP-Adapter; and a patch of attn1."""
    features = torch.randn(1, 4, 768, generator=torch.Generator().manual_seed(3))
    rows: set[tuple[int, int]] = set()

    def adapter(n: torch.Tensor, context: torch.Tensor, value: torch.Tensor, options: Any) -> Any:
        kinds = options["cond_or_uncond"]
        rows.add((len(n), len(kinds)))
        assert len(n) % len(kinds) == 0
        each = [features.to(n) * (kind == 0) for kind in kinds for _ in range(len(n) // len(kinds))]
        return n, torch.cat((context, torch.cat(each)), 1), torch.cat((value, torch.cat(each)), 1)

    model = diffusion.model.clone()
    model.set_model_attn2_patch(adapter)
    model.set_model_attn1_patch(lambda n, keys, values, _: (n, keys, values * 0.9))
    given = {**SHORT, "model": model, "reference": picture()}
    both = edit(diffusion, hints(FRAMES), **given).args[0]
    assert rows == {(1, 1), (6, 2)}, "the reference with the positive prompt, and the frames with both"
    for one in ({"model": model}, {"reference": picture()}):
        assert (both - edit(diffusion, hints(FRAMES), **SHORT, **one).args[0]).abs().mean() > 1e-3
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    assert_same(edit(diffusion, hints(FRAMES), **given).args[0], both)


def test_a_picture_of_another_shape_is_cropped_and_put_on_grey() -> None:
    wide = torch.zeros(1, 32, 96, 4)
    wide[:, :, 32:64] = 1  # the middle third is white, the rest transparent black
    for part, colour, alpha in ((wide, 1.0, 1.0), (wide[:, :, :32], 0.5, 0.0)):
        found = fitted(part, (64, 64))
        assert torch.allclose(found[0], torch.full((1, 64, 64, 3), colour), atol=0.02)
        assert torch.allclose(found[1], torch.full((1, 64, 64), alpha), atol=0.02)
    assert fitted(picture(channels=1), (72, 40))[0].shape == (1, 40, 72, 3)


def test_several_pictures_for_a_clip_are_refused(diffusion: Diffusion) -> None:
    with pytest.raises(InputError, match="reference: found 2 pictures; allowed: 1 picture"):
        edit(diffusion, hints(FRAMES), reference=picture().repeat(2, 1, 1, 1))


def test_models_without_such_attention_are_refused(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.sampling.editor.UNetModel", int)
    with pytest.raises(InputError, match="reference: found a picture with BaseModel; allowed: none, or SD1.5 or SDXL"):
        edit(diffusion, hints(FRAMES), every_nth(FRAMES, Fraction(12), 4), reference=picture())


def test_sdxl_looks_as_well_and_each_clip_at_its_own() -> None:
    """Its prompts have a pooled embedding, which goes along with the reference's row."""
    family = sdxl()
    plan, random = every_nth(9, Fraction(12), 4), torch.Generator().manual_seed(4)
    seen = [Reference(torch.randn(1, *family.latent, generator=random), torch.ones(1, 1, 8, 8)) for _ in range(2)]
    settings = SamplerSettings("sparse", 2, 4.0, "euler", "normal")

    def made(*references: Reference | None) -> list[torch.Tensor]:
        empty, black = torch.zeros(len(plan.frames), *family.latent), torch.zeros(len(plan.frames), 64, 64, 3)
        clips = [
            SampledClip(family.positive, family.negative, black, plan, empty, seed=3, reference=one)
            for one in references
        ]
        sampler = BatchSampler(family.model, None, None, settings, clips, lambda *_: None)
        found: list[list[torch.Tensor]] = [[] for _ in clips]
        for number, latents in sampler.run():
            found[number].append(latents)
        return [torch.cat(one) for one in found]

    together, alone = made(*seen), [made(one)[0] for one in seen]
    for one, other in zip(together, alone, strict=True):
        assert (one - other).norm() < ROUNDING * other.norm()
    (free,) = made(None)
    assert min(float((a - b).norm() / b.norm()) for a, b in ((alone[0], free), (alone[1], free), alone)) > 1e-3
