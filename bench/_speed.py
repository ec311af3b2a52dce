"""Seconds of short clips in batches on the CPU, with the demo model: ``python bench/_speed.py`` prints them as JSON.

On a card, and with nets of full size, the GPU day does it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())

import comfy.controlnet  # noqa: E402
import comfy.sd  # noqa: E402
import comfy.utils  # noqa: E402
import torch  # noqa: E402

from frugal_motion.bench.gpu_day.micro_batches import CLIPS, Batches, ShortClips, Work  # noqa: E402
from frugal_motion.bench.gpu_day.nets import ImageNets  # noqa: E402

WORK = Work(size=128, frames=5, steps=2, rounds=3)


def demo() -> ImageNets:
    """The demo model."""
    folder = ROOT / "training" / "model"
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(folder / "frugal-demo.ckpt"))
    control_net = comfy.controlnet.load_controlnet(str(folder / "frugal-demo-openpose.safetensors"))
    prompts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a neon robot at night", "")]
    positive, negative = prompts
    return ImageNets(model, control_net, positive, negative, vae, WORK.size)


def main() -> None:
    """Print seconds of all clips by how many are in a batch."""
    comfy.utils.PROGRESS_BAR_ENABLED = False
    with torch.inference_mode():
        found = Batches(ShortClips(demo(), WORK)).timings(1, 2, 4, CLIPS)
    print(json.dumps({count: one.seconds for count, one in found.items()}))


if __name__ == "__main__":
    main()
