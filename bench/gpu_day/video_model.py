"""Wan VACE 1.3B at 832 x 480 through the Batch Sampler: clips in one batch, what a clip costs, what its control takes.

A clip of 49 frames is 13 latent frames, 20 280 tokens and 0.19 PFLOP a pass of the net; one of 81 frames 32 760 tokens
and 0.43 PFLOP, most of it attention. A clip by itself is sampled in 4 steps. Batches are sampled in 2, after a pass
that nobody times, and compared with a clip by itself in as many: what a call takes beside its steps counts alike. All
of it is 17 PFLOP, 70 s at 250 TFLOP/s and 40 s at 450, beside the VAE; the largest batch of long clips comes last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import comfy.ops
import comfy.utils
import node_helpers
import torch

from frugal_motion.nodes.economy.prices import card_named
from frugal_motion.nodes.forecast.facts import Guides, latent_frames_of
from frugal_motion.nodes.forecast.video_work import pass_flops
from frugal_motion.nodes.host.models import this_device
from frugal_motion.nodes.sampling.control_range import limited
from frugal_motion.nodes.sampling.request_sampler import sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings, noise_levels

from .measurement import Finding, Measurement
from .nets import VideoNets, vace
from .setting import Setting
from .steps import each
from .timing import Timing, timed

LENGTHS = (49, 81)
BATCHES = (1, 2, 4)
STEPS, STEPS_TOGETHER = 4, 2
FRAME_RATE = 16
CONTROL_END = 0.4
"""Of the Control Range: two of four steps."""
MOST_DOLLARS = 0.125
"""For 5 seconds: half of what 10 may cost."""


def measure(setting: Setting) -> Iterator[Finding]:
    """Seconds and dollars of a clip, by itself and in a batch; then guidance, the Control Range and the VAE."""
    comfy.utils.set_progress_bar_enabled(False)
    with torch.inference_mode():
        bench = Bench(vace(setting.rehearse), setting.rehearse)
        *steps, last = (partial(_batch, bench, length, count) for length in LENGTHS for count in BATCHES)
        others = [partial(step, bench) for step in (_guided, _control_range, _vae)]
        yield from each([*steps, *others, last], keep_weights=True)


@dataclass(frozen=True, eq=False)
class Bench:
    """The model, and what is known of it so far.

    Attributes:
        nets: to sample with.
        is_small: whether clips are short.
        alone: seconds of a clip by itself, by frames and steps.
        work: what ``flops`` has found.
        measured: the speeds of clips by themselves, for ``speeds``.
    """

    nets: VideoNets
    is_small: bool
    alone: dict[tuple[int, int], float] = field(default_factory=dict)
    work: dict[tuple[int, int], float] = field(default_factory=dict)
    measured: list[dict[str, Any]] = field(default_factory=list)

    def latent_shape(self, length: int) -> tuple[int, int, int]:
        """Latent frames, height and width of a clip."""
        frames = latent_frames_of(LENGTHS.index(length) * 4 + 5 if self.is_small else length)
        return frames, self.nets.height // 8, self.nets.width // 8

    def requests(self, length: int, count: int) -> list[Request]:
        """Clips of ``length`` frames, each with a control video of its own."""
        nets, shape = self.nets, self.latent_shape(length)
        return [
            Request(
                *(controlled(prompt, shape, seed) for prompt in (nets.positive, nets.negative)),
                {"samples": torch.zeros(1, 16, *shape)},
                seed,
            )
            for seed in range(count)
        ]

    def sample(self, requests: list[Request], steps: int, cfg: float = 1.0, model: Any = None) -> tuple[Timing, str]:
        """Sample clips, and tell what the sampler says.

        Raises:
            Exception: what kept one of them from being sampled.
        """
        told: list[str] = []
        settings = StepSettings(steps, cfg, "euler", "simple")
        results: list[Any] = []
        timing = timed(
            lambda: results.extend(sample_requests(model or self.nets.model, requests, settings, tell=told.append))
        )
        for result in results:
            if isinstance(result, Exception):
                raise result
        return timing, "; ".join(told)

    def flops(self, length: int, controls: int = 1) -> float:
        """Of one pass of the net for one clip, as the pack's forecast has it."""
        if (length, controls) not in self.work:  # takes about a second
            frames, height, width = self.latent_shape(length)
            found = pass_flops(on_meta(self.nets.model), (width, height), frames, Guides(controls=controls))
            if found is None:
                raise ValueError("the work of the net cannot be counted")
            self.work[length, controls] = found
        return self.work[length, controls]

    def speed(self, length: int, seconds: float) -> dict[str, Any]:
        """What sampling a clip took for how much work, as ``speeds`` wants it."""
        flops = self.flops(length) * STEPS
        return {"stage": "sample video", "flops": flops, "frames": length, "seconds": seconds}


def controlled(prompt: Any, shape: tuple[int, int, int], seed: int) -> Any:
    """CONDITIONING with a control video, as ComfyUI's WanVaceToVideo makes it.

    Args:
        prompt: CONDITIONING.
        shape: latent frames, height and width.
        seed: of the latents of the control video, which are random.
    """
    random = torch.Generator().manual_seed(seed)
    control = {
        "vace_frames": [torch.randn(1, 32, *shape, generator=random)],
        "vace_mask": [torch.ones(1, 64, *shape)],
        "vace_strength": [1.0],
    }
    return node_helpers.conditioning_set_values(prompt, control, append=True)


def on_meta(model: Any) -> Any:
    """The net of a MODEL in half precision, without weights."""
    sizes = model.model.model_config.unet_config | {"dtype": torch.float16}
    return type(model.model.diffusion_model)(**sizes, device="meta", operations=comfy.ops.disable_weight_init)


def _batch(bench: Bench, length: int, count: int) -> Iterator[Finding]:
    """As many clips together."""
    name, steps = f"{length}_frames.batch_{count}", STEPS if count == 1 else STEPS_TOGETHER
    requests = bench.requests(length, count)
    bench.sample(requests, 1)  # the first of this size takes longer
    timing, told = bench.sample(requests, steps)
    seconds, note = timing.seconds / count * STEPS / steps, f"{STEPS} steps, CFG 1"
    if count > 1:
        note += f"; measured in {steps}, times {STEPS // steps}: {told}"
    yield Measurement(f"{name}.seconds_per_clip", seconds, "s", note=note)
    yield Measurement(f"{name}.peak", timing.peak_bytes / 1e9, "GB")
    if count == 1:
        bench.alone[length, STEPS] = timing.seconds
        bench.alone[length, STEPS_TOGETHER] = bench.sample(requests, STEPS_TOGETHER)[0].seconds
        bench.measured.append(bench.speed(length, timing.seconds))
        yield {"measured": bench.measured}
        yield from _cost(length, timing.seconds, bench.is_small)
    elif (length, steps) in bench.alone:
        ratio = bench.alone[length, steps] * count / timing.seconds
        yield Measurement(f"{name}.clips_per_s_over_batch_1", ratio, "x", note=f"both in {steps} steps")
    work = bench.flops(length) * STEPS
    yield Measurement(f"{name}.tflop_per_s", work / seconds / 1e12, "TFLOP/s", note=f"{work / 1e15:.3g} PFLOP")


def _cost(length: int, seconds: float, is_small: bool) -> Iterator[Finding]:
    """What sampling a clip costs."""
    device = "NVIDIA H200" if is_small else this_device()
    card = card_named(device)
    if card is None:
        yield {f"{length}_frames.dollars": f"not told: there is no price of {device}"}
        return
    what = f"{length / FRAME_RATE:.1f} s of video, sampling alone, neither text encoder nor VAE"
    note = f"{what}; {card.name} at ${card.on_demand:g} an hour on demand"
    goal = MOST_DOLLARS if length == LENGTHS[-1] else None
    dollars = seconds / 3600 * card.on_demand
    yield Measurement(f"{length}_frames.dollars", dollars, "$", goal, "lower" if goal else "", note)


def _guided(bench: Bench) -> Iterator[Finding]:
    """With classifier-free guidance both prompts are rows of a batch."""
    length, steps = LENGTHS[0], STEPS // 2
    timing, _ = bench.sample(bench.requests(length, 1), steps, cfg=5.0)
    note = f"{STEPS} steps; measured in {steps}, times 2"
    yield Measurement(f"{length}_frames.cfg_5.seconds_per_clip", timing.seconds * 2, "s", note=note)
    yield Measurement(f"{length}_frames.cfg_5.peak", timing.peak_bytes / 1e9, "GB")


def _control_range(bench: Bench) -> Iterator[Finding]:
    """The blocks of the control are not run in the steps behind its end."""
    length, model = LENGTHS[0], limited(bench.nets.model, 0.0, CONTROL_END)
    sigmas = noise_levels(model, StepSettings(STEPS, 1.0, "euler", "simple"))[:-1]
    end = model.get_model_object("model_sampling").percent_to_sigma(CONTROL_END)
    inside = int((sigmas >= end).sum())
    timing, _ = bench.sample(bench.requests(length, 1), STEPS, model=model)
    foretold = (1 - inside / STEPS) * (1 - bench.flops(length, controls=0) / bench.flops(length))
    note = f"of the seconds; control in {inside} of {STEPS} steps; by the forecast {foretold:.2f}"
    yield Measurement("control_range.saved", 1 - timing.seconds / bench.alone[length, STEPS], "", note=note)


def _vae(bench: Bench) -> Iterator[Finding]:
    """What comes before and behind the sampling of a clip."""
    length, nets = LENGTHS[0], bench.nets
    frames, height, width = bench.latent_shape(length)
    pictures = torch.rand(4 * frames - 3, nets.height, nets.width, 3)
    note = f"{length} frames, the first time; random weights"
    encoding = timed(lambda: nets.vae.encode(pictures))
    yield Measurement("vae.encode", encoding.seconds, "s", note=f"{note}; VACE encodes a control video twice")
    decoding = timed(lambda: nets.vae.decode(torch.randn(1, 16, frames, height, width)))
    yield Measurement("vae.decode", decoding.seconds, "s", note=note)
    yield Measurement("vae.peak", max(encoding.peak_bytes, decoding.peak_bytes) / 1e9, "GB")
