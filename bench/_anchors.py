"""How alike the keyframes of a clip come out: ``python bench/_anchors.py`` prints it as JSON.

The demo model is left without a prompt: then figure and place are its own choice, frame by frame.
"""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve(), cpu=True)

import comfy.utils  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from frugal_motion.nodes.keyframes.uniform import every_nth  # noqa: E402
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings  # noqa: E402
from frugal_motion.training import judge  # noqa: E402
from frugal_motion.training.drawn_pictures import draw_hint  # noqa: E402
from frugal_motion.training.evaluate import GUIDANCE, SAMPLER, SCHEDULER, SIZE, Generator, clip_examples, drawn  # noqa: E402

FRAMES, STEPS, SEEDS = 6, 12, (1, 2, 3)


def flicker(generator: Generator, anchor: float, seed: int) -> float:
    """Unsteadiness of what does not move, of 255, between keyframes of the demo's clip."""
    wanted = clip_examples()[0][:FRAMES]
    hints = torch.from_numpy(np.stack([draw_hint(one.people, SIZE, SIZE) for one in wanted])).float() / 255
    prompt = generator.clip.encode_from_tokens_scheduled(generator.clip.tokenize(""))
    empty = torch.zeros(FRAMES, 4, SIZE // 8, SIZE // 8)
    clip = SampledClip(prompt, prompt, hints, every_nth(FRAMES, Fraction(12), 1), empty, seed)
    settings = SamplerSettings("sparse", STEPS, GUIDANCE, SAMPLER, SCHEDULER, 1.0, anchor)
    sampler = BatchSampler(generator.model, None, Control(generator.control_net), settings, [clip], lambda *_: None)
    pictures = torch.cat([generator.vae.decode(latents) for _, latents in sampler.run()])
    return float(judge.unsteadiness(pictures.clamp(0, 1).mul(255).round().byte().numpy(), drawn(wanted)[1]))


def main() -> None:
    """Print ``{anchor: mean flicker}``."""
    comfy.utils.PROGRESS_BAR_ENABLED = False
    generator = Generator(ROOT / "training" / "model")
    with torch.inference_mode():
        found = {anchor: np.mean([flicker(generator, anchor, seed) for seed in SEEDS]) for anchor in (0.0, 0.5, 1.0)}
    print(json.dumps({str(anchor): float(value) for anchor, value in found.items()}))


if __name__ == "__main__":
    main()
