"""Rows and FLOPs of whole edits: ``python bench/_rows.py`` prints them as JSON.

Rows are counted in the real path from node or ComfyUI's KSampler down to the nets, which are replaced by counters.
FLOPs per row are counted by torch on the full-size nets, on the meta device, where nothing is computed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())

import comfy.controlnet  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.sample  # noqa: E402
import comfy.sd  # noqa: E402
import torch  # noqa: E402
from comfy.cldm.cldm import ControlNet  # noqa: E402
from comfy.ldm.modules import attention  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

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
from frugal_motion.nodes.keyframes.adaptive import adaptive  # noqa: E402
from frugal_motion.nodes.keyframes.expected_error import line_errors  # noqa: E402
from frugal_motion.nodes.keyframes.keyframes import Keyframes  # noqa: E402
from frugal_motion.nodes.keyframes.uniform import every_nth  # noqa: E402
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings  # noqa: E402
from frugal_motion.tests.sampling import untrained  # noqa: E402
from nodes import ControlNetApplyAdvanced  # type: ignore[attr-defined]  # noqa: E402

_ON_META: dict[str, Any] = {"dtype": torch.float16, "device": "meta", "operations": comfy.ops.disable_weight_init}


def flops_per_row(family: str, size: int) -> tuple[float, float]:
    """FLOPs of UNet and ControlNet for one row of ``size`` x ``size`` pixels."""
    config = NETS[family] | _ON_META
    attention.optimized_attention = attention.attention_pytorch  # the one whose work torch can count
    with torch.device("meta"):
        unet = UNetModel(out_channels=4, **config)
        del config["transformer_depth_output"]
        control = ControlNet(hint_channels=3, **config)
        latent = torch.zeros(1, 4, size // 8, size // 8, dtype=torch.float16)
        hint = torch.zeros(1, 3, size, size, dtype=torch.float16)
        time = torch.zeros(1, dtype=torch.float16)
        text = torch.zeros(1, 77, config["context_dim"], dtype=torch.float16)
        label = torch.zeros(1, config["adm_in_channels"], dtype=torch.float16) if "adm_in_channels" in config else None
        return (
            _flops(lambda: unet(latent, time, context=text, y=label)),
            _flops(lambda: control(latent, hint, time, text, y=label)),
        )


def _flops(work: Callable[[], Any]) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        work()
    return float(counter.get_total_flops())


class Counted:
    """A small model and ControlNet of the SD 1.5 family whose nets only count their rows."""

    def __init__(self) -> None:
        self.model, clip, self.vae, _ = comfy.sd.load_state_dict_guess_config(untrained.checkpoint())
        self.control_net = comfy.controlnet.load_controlnet_state_dict(untrained.control_net())
        self.prompts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a robot", "blurry")]
        self.rows = {"unet": 0, "control": 0}
        self.model.model.diffusion_model.forward = self._unet
        self.control_net.control_model.forward = self._control

    def _unet(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        self.rows["unet"] += len(x)
        return torch.zeros_like(x)

    def _control(self, x: torch.Tensor, *_: Any, **__: Any) -> dict[str, list[torch.Tensor]]:
        self.rows["control"] += len(x)
        return {"output": [], "middle": []}

    def of(self, work: Callable[[], object]) -> dict[str, int]:
        """Rows that some work takes."""
        self.rows = {"unet": 0, "control": 0}
        work()
        return dict(self.rows)

    def naive(self) -> None:
        """What people do: every frame at 25 fps, 50 steps, ControlNet on all, by ComfyUI's own nodes."""
        count = SECONDS * NAIVE_RATE
        hints, latents = torch.zeros(count, 64, 64, 3), torch.zeros(count, 4, 8, 8)
        positive, negative = ControlNetApplyAdvanced().apply_controlnet(
            *self.prompts, self.control_net, hints, 1.0, 0.0, 1.0
        )
        noise = comfy.sample.prepare_noise(latents, 0)
        comfy.sample.sample(
            self.model, noise, NAIVE_STEPS, CFG, "dpmpp_2m", "karras", positive, negative, latents, disable_pbar=True
        )

    def ours(self, mode: Any, plan: Keyframes, steps: int = STEPS, control: bool = True) -> None:
        """A pass of our sampler."""
        rows = len(plan.frames) if mode == "sparse" else plan.frame_count
        clip = SampledClip(*self.prompts, torch.zeros(len(plan.frames), 64, 64, 3), plan, torch.zeros(rows, 4, 8, 8))
        settings = SamplerSettings(mode, steps, CFG, "dpmpp_2m", "karras", 1.0 if control else 0.3)
        net = Control(self.control_net) if control else None
        for _ in BatchSampler(self.model, self.vae, net, settings, [clip], lambda *_: None).run():
            pass


def main() -> None:
    """Print ``{"rows": {way: {"unet": …, "control": …}}, "flops": {family: {size: [unet, control]}}}``."""
    counted = Counted()
    even = every_nth(int(SECONDS * RATE), RATE, EVERY)
    path = torch.randn(even.frame_count, 4, generator=torch.Generator().manual_seed(0)).cumsum(0).numpy()
    plan = adaptive(line_errors(path), len(path), RATE, len(even.frames))
    between = Keyframes(tuple(sorted(set(range(plan.frame_count)) - set(plan.frames))), plan.frame_count, RATE)
    with torch.inference_mode():
        sparse = counted.of(lambda: counted.ours("sparse", plan))
        refined = counted.of(lambda: counted.ours("sparse", between, REFINE_STEPS, control=False))
        rows = {
            "naive": counted.of(counted.naive),
            "dense": counted.of(lambda: counted.ours("dense", plan)),
            "hybrid": {name: sparse[name] + refined[name] for name in sparse},
            "sparse": sparse,
        }
    flops = {family: {str(size): flops_per_row(family, size) for size in (512, 768)} for family in NETS}
    print(json.dumps({"rows": rows, "flops": flops}))


if __name__ == "__main__":
    main()
