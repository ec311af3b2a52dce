"""Seconds and peak memory of edits on this machine: ``python bench/_speed.py`` prints them as JSON.

On a GPU with a full-size SD 1.5 and ControlNet of random weights in half precision at 512 x 512; without one with the
demo model at 128 x 128, where only the batches of several clips are measured.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve(), cpu=not torch.cuda.is_available())

import comfy.controlnet  # noqa: E402
import comfy.model_base  # noqa: E402
import comfy.model_management  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.sample  # noqa: E402
import comfy.sd  # noqa: E402
import comfy.supported_models  # noqa: E402
import comfy.utils  # noqa: E402
from comfy.cldm.cldm import ControlNet  # noqa: E402
from comfy.model_patcher import ModelPatcher  # noqa: E402

from frugal_motion.bench._edit import (  # noqa: E402
    CFG,
    EVERY,
    NAIVE_RATE,
    NAIVE_STEPS,
    NETS,
    RATE,
    REFINE_STEPS,
    SECONDS,
    STEPS,
)
from frugal_motion.nodes.keyframes.keyframes import Keyframes  # noqa: E402
from frugal_motion.nodes.keyframes.uniform import every_nth  # noqa: E402
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings  # noqa: E402
from nodes import ControlNetApplyAdvanced  # type: ignore[attr-defined]  # noqa: E402

CLIPS, CLIP_FRAMES, ROUNDS = 8, 5, 3


@dataclass(frozen=True, eq=False)
class Bench:
    """What is sampled with."""

    model: Any
    control_net: Any
    positive: Any
    negative: Any
    size: int
    steps: int

    def clip(self, plan: Keyframes, frames: int, seed: int = 0) -> SampledClip:
        """A clip of random hints, of which ``frames`` are sampled."""
        hints = torch.rand(len(plan.frames), self.size, self.size, 3, generator=torch.Generator().manual_seed(seed))
        side = self.size // 8
        return SampledClip(self.positive, self.negative, hints, plan, torch.zeros(frames, 4, side, side), seed)

    def sample(self, clips: list[SampledClip], mode: Any, steps: int | None = None, control: bool = True) -> None:
        """A pass of the pack's sampler."""
        settings = SamplerSettings(mode, steps or self.steps, CFG, "dpmpp_2m", "karras", 1.0 if control else 0.3)
        net = Control(self.control_net) if control else None
        for _ in BatchSampler(self.model, None, net, settings, clips, lambda *_: None).run():
            pass

    def naive(self, batch: int = 25) -> None:
        """Every frame at 25 fps, 50 steps, ControlNet on all, by ComfyUI's own nodes, in batches."""
        side = self.size // 8
        for _ in range(SECONDS * NAIVE_RATE // batch):
            hints, latents = torch.rand(batch, self.size, self.size, 3), torch.zeros(batch, 4, side, side)
            positive, negative = ControlNetApplyAdvanced().apply_controlnet(
                self.positive, self.negative, self.control_net, hints, 1.0, 0.0, 1.0
            )
            noise = comfy.sample.prepare_noise(latents, 0)
            comfy.sample.sample(
                self.model, noise, NAIVE_STEPS, CFG, "dpmpp_2m", "karras", positive, negative, latents,
                disable_pbar=True,
            )  # fmt: skip


def full_size(size: int = 512, steps: int = STEPS) -> Bench:
    """SD 1.5 and its ControlNet as large as they are, in half precision, of random weights."""
    config = comfy.supported_models.SD15(NETS["SD 1.5"] | {"out_channels": 4})
    config.set_inference_dtype(torch.float16, None)
    model = comfy.model_base.BaseModel(config, device="cpu")
    control = ControlNet(
        **NETS["SD 1.5"], hint_channels=3, dtype=torch.float16, device="cpu", operations=comfy.ops.disable_weight_init
    )
    generator = torch.Generator().manual_seed(0)
    for net in (model.diffusion_model, control):
        for value in net.parameters():
            value.data.normal_(0, 0.02, generator=generator)
    device = comfy.model_management.get_torch_device()
    patcher = ModelPatcher(model, load_device=device, offload_device=comfy.model_management.unet_offload_device())
    prompts = [[[torch.randn(1, 77, 768, generator=generator), {}]] for _ in range(2)]
    positive, negative = prompts
    return Bench(patcher, comfy.controlnet.ControlNet(control, load_device=device), positive, negative, size, steps)


def demo(size: int = 128, steps: int = 3) -> Bench:
    """The demo model."""
    folder = ROOT / "training" / "model"
    model, clip, _, _ = comfy.sd.load_checkpoint_guess_config(str(folder / "frugal-demo.ckpt"))
    control_net = comfy.controlnet.load_controlnet(str(folder / "frugal-demo-openpose.safetensors"))
    prompts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a neon robot at night", "")]
    positive, negative = prompts
    return Bench(model, control_net, positive, negative, size, steps)


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds, and GiB of GPU memory at the peak."""
    is_gpu = torch.cuda.is_available()
    if is_gpu:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if is_gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "gib": torch.cuda.max_memory_allocated() / 2**30 if is_gpu else 0.0}


def _one_after_another(bench: Bench, clips: list[SampledClip], together: int) -> None:
    for first in range(0, len(clips), together):
        bench.sample(clips[first : first + together], "sparse")


def batches(bench: Bench) -> dict[str, dict[str, float]]:
    """Eight short clips in batches of 1, 2, 4 and 8 clips; the best of some rounds, taken in turns."""
    plan = every_nth(CLIP_FRAMES, RATE, EVERY)
    clips = [bench.clip(plan, len(plan.frames), seed) for seed in range(CLIPS)]
    found: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for together in (1, 2, 4, 8):
            measured = timed(partial(_one_after_another, bench, clips, together))
            best = found.setdefault(str(together), measured)
            found[str(together)] = min(best, measured, key=lambda one: one["seconds"])
    return found


def ways(bench: Bench) -> dict[str, dict[str, float]]:
    """An edit of 10 seconds, the naive way and ours; interpolation and VAE are left out."""
    plan = every_nth(int(SECONDS * RATE), RATE, EVERY)
    between = Keyframes(tuple(sorted(set(range(plan.frame_count)) - set(plan.frames))), plan.frame_count, RATE)
    sparse = timed(lambda: bench.sample([bench.clip(plan, len(plan.frames))], "sparse"))
    rough = bench.clip(between, len(between.frames))
    refined = timed(lambda: bench.sample([rough], "sparse", REFINE_STEPS, control=False))
    return {
        "naive": timed(bench.naive),
        "dense": timed(lambda: bench.sample([bench.clip(plan, plan.frame_count)], "dense")),
        "hybrid": {
            "seconds": sparse["seconds"] + refined["seconds"],
            "gib": max(sparse["gib"], refined["gib"]),
        },
        "sparse": sparse,
    }


def main() -> None:
    """Print ``{"device": …, "batches": {clips: {"seconds", "gib"}}, "ways": {way: {"seconds", "gib"}}}``."""
    is_gpu, comfy.utils.PROGRESS_BAR_ENABLED = torch.cuda.is_available(), False
    with torch.inference_mode():
        bench = full_size() if is_gpu else demo()
        bench.sample([bench.clip(every_nth(2, RATE, 1), 2)], "sparse", 2)  # loads, and warms up
        measured = {
            "device": torch.cuda.get_device_name() if is_gpu else "cpu",
            "batches": batches(bench),
            "ways": ways(bench) if is_gpu else {},
        }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
