"""Our upscaling and core's node on the same frames, on the CPU: ``python bench/_upscale.py`` prints seconds as JSON."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())

import comfy.utils  # noqa: E402
from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel  # noqa: E402
from spandrel import ModelLoader  # noqa: E402

from frugal_motion.bench._compare import seconds_side_by_side  # noqa: E402
from frugal_motion.nodes.upscaling.node import FrugalUpscale  # noqa: E402

MODELS = {"realesr-animevideov3": (8, 256, 256), "RealESRGAN_x4plus": (3, 96, 96)}


def main() -> None:
    """Print ``{model: {"ours": seconds, "core": seconds}}``."""
    comfy.utils.PROGRESS_BAR_ENABLED = False
    found = {}
    for name, shape in MODELS.items():
        path = ROOT / ".assets/models/upscale_models" / f"{name}.safetensors"
        model = ModelLoader().load_from_file(str(path)).eval()
        image = torch.rand(*shape, 3, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            found[name] = seconds_side_by_side(
                {
                    "ours": partial(FrugalUpscale.execute, image, model, 4.0),
                    "core": partial(ImageUpscaleWithModel.execute, model, image),
                },
                rounds=3,
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
