"""The keyframe sampler against ComfyUI's own, and its memory, size and family checks."""

from __future__ import annotations

import gc
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from comfy.model_management import InterruptProcessingException

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host import progress
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.families import check_families
from frugal_motion.nodes.sampling.keyframe_control import keyframed
from frugal_motion.nodes.sampling.node import FrugalKeyframeSampler
from frugal_motion.nodes.video.stream import ArrayStream
from frugal_motion.nodes.video.tensors import to_frames
from nodes import ConditioningSetMask, ControlNetApplyAdvanced

from .conftest import ROUNDING, Diffusion, hints

FRAMES, EVERY = 9, 4
PLAN = every_nth(FRAMES, Fraction(12), EVERY)
SOLVER = {"steps": 3, "cfg": 4.0, "sampler_name": "dpmpp_2m", "scheduler": "karras", "seed": 7}


def edit(diffusion: Diffusion, images: torch.Tensor, plan: Keyframes = PLAN, **changes: Any) -> Any:
    """One clip: its frames and the plan of the result."""
    output = edit_clips(diffusion, control_images=[images], keyframes=[plan], **{k: [v] for k, v in changes.items()})
    frames, plans = output.args
    return SimpleNamespace(args=(*frames, *plans))


def edit_clips(diffusion: Diffusion, **lists: list[Any]) -> Any:
    """Several clips, as ComfyUI hands a node its lists."""
    single = {
        "mode": "sparse",
        "denoise": 1.0,
        "control_strength": 1.0,
        "control_start": 0.0,
        "control_end": 1.0,
        "control_net": diffusion.control_net,
        "vae": diffusion.vae,
        "model": diffusion.model,
        "positive": diffusion.positive,
        "negative": diffusion.negative,
        **SOLVER,
    }
    return FrugalKeyframeSampler.execute(**{name: [value] for name, value in single.items()} | lists)


def stock(diffusion: Diffusion, control: Any, images: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """What ComfyUI makes of a batch that starts from one noise."""
    import comfy.sample

    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        diffusion.positive, diffusion.negative, control, images, 1.0, 0.0, 1.0
    )
    noise = comfy.sample.prepare_noise(latents[:1], 7).repeat(len(latents), 1, 1, 1)
    samples = comfy.sample.sample(
        diffusion.model, noise, 3, 4.0, "dpmpp_2m", "karras", positive, negative, latents, seed=7, disable_pbar=True
    )
    return diffusion.vae.decode(samples)  # type: ignore[no-any-return]


def assert_same(images: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal but for rounding, which differs with the batch size; the untrained VAE amplifies it at a few pixels."""
    assert images.shape == expected.shape
    difference = (images - expected).abs()
    assert difference.mean() < ROUNDING and difference.max() < 1e-2
    assert (images[0] - images[-1]).abs().mean() > 1e-3, "frames must differ for this to prove anything"


def test_sparse_is_what_comfyui_makes_of_the_keyframes(diffusion: Diffusion) -> None:
    output = edit(diffusion, hints(FRAMES))
    keyframes = hints(FRAMES)[list(PLAN.frames)]
    expected = stock(diffusion, diffusion.control_net, keyframes, torch.zeros(len(PLAN.frames), 4, 8, 8))
    assert_same(output.args[0], expected)
    assert output.args[1] == PLAN


def test_dense_is_what_comfyui_makes_of_the_keyframed_control(diffusion: Diffusion) -> None:
    output = edit(diffusion, hints(FRAMES), mode="dense")
    expected = stock(diffusion, keyframed(diffusion.control_net, PLAN), hints(FRAMES), torch.zeros(FRAMES, 4, 8, 8))
    assert_same(output.args[0], expected)
    assert output.args[1].frames == tuple(range(FRAMES))


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_the_result_does_not_depend_on_the_memory(
    diffusion: Diffusion, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = every_nth(FRAMES, Fraction(12), EVERY, cuts=(6,))
    whole = edit(diffusion, hints(FRAMES), plan, mode=mode).args[0]
    monkeypatch.setattr(sampling, "free_memory", lambda device: 1)
    assert_same(edit(diffusion, hints(FRAMES), plan, mode=mode).args[0], whole)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each batch, of which none is sampled."""
    found: list[int] = []

    def note(model: Any, noise: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        found.append(len(noise))
        return noise

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", note)
    return found


def test_no_tensor_is_too_large_to_be_addressed(
    diffusion: Diffusion, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "free_memory", lambda device: 1e15)
    monkeypatch.setattr(sampling, "LARGEST_TENSOR", 2 * 2 * 8 * 8 * sampling.LARGEST_PER_PIXEL)
    edit(diffusion, hints(5), every_nth(5, Fraction(12), 1))
    assert batches == [2, 2, 1]


def test_dpm_adaptive_takes_the_smallest_batches(diffusion: Diffusion, batches: list[int]) -> None:
    """It chooses its steps by all rows of a batch together."""
    for mode in ("sparse", "dense"):
        edit(diffusion, hints(FRAMES), mode=mode, sampler_name="dpm_adaptive")
    assert batches == [1, 1, 1, 5, 5, 1]


def test_what_prompts_hold_per_frame_follows_the_batches(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = torch.zeros(FRAMES, 64, 64)
    for frame in range(FRAMES):
        masks[frame, :, 4 * frame : 4 * frame + 24] = 1
    text, options = diffusion.positive[0]
    changing = [[text * torch.linspace(0.2, 2, FRAMES).view(-1, 1, 1), options]]
    (masked,) = ConditioningSetMask().append(changing, masks, "default", 1.0)
    positive, negative = ControlNetApplyAdvanced().apply_controlnet(
        [*changing, *masked], diffusion.negative, diffusion.control_net, hints(FRAMES).flip(0), 0.5, 0, 1
    )
    prompts = {"positive": positive, "negative": negative}
    for mode in ("sparse", "dense"):
        whole = edit(diffusion, hints(FRAMES), mode=mode, **prompts).args[0]
        with monkeypatch.context() as patch:
            patch.setattr(sampling, "free_memory", lambda _: 1)
            in_parts = edit(diffusion, hints(FRAMES), mode=mode, **prompts).args[0]
        assert_same(in_parts, whole)
        without = edit(diffusion, hints(FRAMES), mode=mode).args[0]
        assert (whole - without).abs().mean() > 1e-3, "masks and control must matter for this to prove anything"


def test_a_keyframed_control_applied_before_follows_the_batches(
    diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before(control: Any) -> dict[str, Any]:
        images = hints(FRAMES).flip(0)
        applied = ControlNetApplyAdvanced().apply_controlnet(
            diffusion.positive, diffusion.negative, control, images, 0.5, 0, 1
        )
        return dict(zip(("positive", "negative"), applied, strict=True))

    keyed = before(keyframed(diffusion.control_net, PLAN))
    whole = {mode: edit(diffusion, hints(FRAMES), mode=mode, **keyed).args[0] for mode in ("sparse", "dense")}
    assert_same(whole["sparse"], edit(diffusion, hints(FRAMES), **before(diffusion.control_net)).args[0])
    monkeypatch.setattr(sampling, "free_memory", lambda _: 1)
    for mode, expected in whole.items():
        assert_same(edit(diffusion, hints(FRAMES), mode=mode, **keyed).args[0], expected)
    with pytest.raises(InputError, match="positive: found a Keyframe ControlNet with other keyframes"):
        edit(diffusion, hints(FRAMES), **before(keyframed(diffusion.control_net, every_nth(FRAMES, Fraction(12), 3))))


def test_out_of_memory_halves_the_batch(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = edit(diffusion, hints(FRAMES)).args[0]
    sample, batches = sampling.comfy.sample.sample_custom, []

    def tight(model: Any, noise: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        batches.append(len(noise))
        if len(noise) > 1:
            raise torch.cuda.OutOfMemoryError("2 rows do not fit")
        return sample(model, noise, *args, **kwargs)

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", tight)
    assert_same(edit(diffusion, hints(FRAMES)).args[0], whole)
    assert batches == [3, 1, 1, 1]
    edit(diffusion, hints(FRAMES))
    assert batches[4:] == [1, 1, 1], "remembered for these weights and this size"
    with pytest.raises(InputError):
        edit(diffusion, hints(FRAMES, 72), mode="dense")
    assert batches[7] == FRAMES, "another size is tried by itself"


@pytest.mark.parametrize("mode", ["sparse", "dense"])
def test_out_of_memory_with_the_smallest_batch_says_so(
    diffusion: Diffusion, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("nothing fits")

    monkeypatch.setattr(sampling.comfy.sample, "sample_custom", full)
    with pytest.raises(InputError, match=r"size: found a latent of 8x8.*smaller size"):
        edit(diffusion, hints(FRAMES), mode=mode)


def test_interrupt_ends_the_batch_and_frees_everything(diffusion: Diffusion, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = edit(diffusion, hints(FRAMES), mode="dense").args[0]
    calls = []

    def cancelled_at_the_second() -> None:
        calls.append(None)
        if len(calls) == 2:
            raise InterruptProcessingException

    gc.collect()
    before = _tensors()
    with monkeypatch.context() as patch:
        patch.setattr(progress, "throw_exception_if_processing_interrupted", cancelled_at_the_second)
        with pytest.raises(InterruptProcessingException):
            edit(diffusion, hints(FRAMES), mode="dense", anchor=0.5)
    gc.collect()
    assert _tensors() <= before
    assert torch.equal(edit(diffusion, hints(FRAMES), mode="dense").args[0], whole)


def _tensors() -> int:
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


def test_denoise_starts_from_the_source_at_the_keyframes(diffusion: Diffusion) -> None:
    source = hints(FRAMES)
    video = StreamVideo(ArrayStream(to_frames(source), Fraction(12)))
    kept = edit(diffusion, hints(FRAMES), source_video=video, denoise=0.01, steps=1).args[0]
    roundtrip = diffusion.vae.decode(diffusion.vae.encode(source[list(PLAN.frames)]))
    fresh = edit(diffusion, hints(FRAMES), steps=1).args[0]
    assert (kept - roundtrip).abs().mean() < 0.2 * (fresh - roundtrip).abs().mean()


def test_one_frame_clip(diffusion: Diffusion) -> None:
    plan = every_nth(1, Fraction(12), EVERY)
    for mode in ("sparse", "dense"):
        assert edit(diffusion, hints(1), plan, mode=mode).args[0].shape == (1, 64, 64, 3)


def test_odd_sizes_are_rounded_down_to_the_latent_grid(diffusion: Diffusion) -> None:
    assert edit(diffusion, hints(FRAMES, 77)).args[0].shape == (3, 72, 72, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "fast"}, "mode: found 'fast'; allowed: sparse, hybrid, dense"),
        ({"sampler_name": "eular"}, "sampler_name: found 'eular'"),
        ({"scheduler": "x"}, "scheduler: found 'x'"),
        ({"sampler_name": "dpm_adaptive", "anchor": 0.5}, "anchor: found 0.5 with dpm_adaptive"),
        ({"positive": []}, "positive: found no prompt"),
        ({"denoise": 0.5}, "denoise: found 0.5 without a source video"),
    ],
)
def test_bad_settings_are_refused(diffusion: Diffusion, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        edit(diffusion, hints(FRAMES), **changes)


def test_hints_of_another_clip_are_refused(diffusion: Diffusion) -> None:
    with pytest.raises(InputError, match=r"control_images: found 5; allowed: 3 .* or 9"):
        edit(diffusion, hints(5))


def test_source_of_another_clip_is_refused(diffusion: Diffusion) -> None:
    video = StreamVideo(ArrayStream(to_frames(hints(4)), Fraction(12)))
    with pytest.raises(InputError, match="source_video: found 4 frames; allowed: 9"):
        edit(diffusion, hints(FRAMES), source_video=video, denoise=0.5)


def test_parts_of_other_families_are_refused(diffusion: Diffusion) -> None:
    d = diffusion
    wide = torch.nn.ModuleDict({"attn2": torch.nn.ModuleDict({"to_k": torch.nn.Linear(2048, 8)})})
    wide.__class__ = type("ControlNet", (type(d.control_net.control_model),), {})
    cases = [
        ("vae: found a VAE of 16", SimpleNamespace(latent_channels=16), d.control_net, d.positive),
        ("positive: found text embeddings of width 2048", d.vae, d.control_net, [[torch.zeros(1, 77, 2048), {}]]),
        ("control_net: found a ControlNet for .* width 2048", d.vae, SimpleNamespace(control_model=wide), d.positive),
        ("control_net: found torch.nn", d.vae, SimpleNamespace(control_model=torch.nn.Linear(2, 2)), d.positive),
    ]
    for message, vae, control_net, positive in cases:
        with pytest.raises(InputError, match=message):
            check_families(d.model, vae, control_net, positive, d.negative)
