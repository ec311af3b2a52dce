"""Our interpolation and core's node on the same frames, on the CPU; prints seconds as JSON."""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tools.pack import import_pack  # noqa: E402

import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())

import comfy.utils  # noqa: E402
import folder_paths  # noqa: E402

try:
    from comfy_extras.nodes_frame_interpolation import FrameInterpolate, FrameInterpolationModelLoader
except ImportError:
    FrameInterpolate = None

from frugal_motion.bench._compare import seconds_side_by_side  # noqa: E402
from frugal_motion.nodes.interpolation.node import FrugalInterpolate, FrugalLoadInterpolator  # noqa: E402
from frugal_motion.nodes.keyframes.keyframes import Keyframes  # noqa: E402
from frugal_motion.nodes.video.decode import FileStream  # noqa: E402
from frugal_motion.nodes.video.decode_settings import DecodeSettings  # noqa: E402
from frugal_motion.nodes.video.tensors import to_image  # noqa: E402

ASSETS = ROOT / ".assets"
NAME = "rife_v4.26.safetensors"
FRAMES = 9


def main() -> None:
    """Print ``{"ours": seconds, "core": seconds, "psnr": dB}`` for twice the frames; without core's node ``null``."""
    if FrameInterpolate is None:
        print("null")
        return
    comfy.utils.PROGRESS_BAR_ENABLED = False
    folder_paths.add_model_folder_path("frame_interpolation", str(ASSETS / "models/frame_interpolation"))
    clip = FileStream(ASSETS / "input/one_person.mp4", DecodeSettings(size=(512, 512), fit="cover"))
    images = to_image(clip.frames_at(range(FRAMES)))
    plan = Keyframes.all_frames(FRAMES, Fraction(60))
    (net,) = FrugalLoadInterpolator.execute(NAME).args
    (core_net,) = FrameInterpolationModelLoader.execute(NAME).args

    def ours() -> torch.Tensor:
        (video,) = FrugalInterpolate.execute(images, net, 120.0, plan).args
        made: torch.Tensor = video.get_components().images
        return made

    def core() -> torch.Tensor:
        made: torch.Tensor = FrameInterpolate.execute(core_net, images, 2).args[0]
        return made

    with torch.inference_mode():
        error = (ours()[1 : 2 * FRAMES - 1 : 2] - core()[1::2]).square().mean()
        seconds = seconds_side_by_side({"ours": ours, "core": core}, rounds=3)
    print(json.dumps(seconds | {"psnr": float(-10 * error.log10())}))


if __name__ == "__main__":
    main()
