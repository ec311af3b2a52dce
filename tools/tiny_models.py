"""Make a small untrained checkpoint and its openpose ControlNet, for machines that reach no model hub.

They have the layout of Stable Diffusion 1.5, so ComfyUI's stock loaders take them, and random weights from fixed
seeds: the pictures mean nothing, but every stage of the sampling path is real. The text encoder gives distinct
embeddings to distinct prompts. Runs in the development environment: ``python -m tools.tiny_models --comfyui PATH``.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINT = "models/checkpoints/frugal-tiny-untrained.ckpt"
CONTROL_NET = "models/controlnet/frugal-tiny-openpose-untrained.safetensors"

Weights = dict[str, Tensor]

# ComfyUI recognises SD 1.5 by 320 channels and a context of 768; depth is free. 18.7 M parameters.
UNET: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [1],
    "channel_mult": [1],
    "transformer_depth": [1],
    "transformer_depth_output": [1, 1],
    "transformer_depth_middle": -2,  # no middle block
    "use_linear_in_transformer": False,
    "use_spatial_transformer": True,
    "context_dim": 768,
    "adm_in_channels": None,
    "num_heads": 8,
    "num_head_channels": -1,
    "legacy": False,
}

VOCABULARY, WIDTH, START_TOKEN = 49408, 768, 49406


def randomised(net: nn.Module, seed: int, gain: Callable[[str], float] = lambda name: 1.0) -> Weights:
    """Half precision weights for ``net``: norms 1, biases 0, the rest normal with variance gain² / fan-in."""
    generator = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for name, value in sorted(net.state_dict().items()):
        if value.ndim == 0:
            weights[name] = value.half()
        elif value.ndim == 1:
            weights[name] = torch.full(value.shape, float(name.endswith("weight")), dtype=torch.half)
        else:
            deviation = gain(name) / math.sqrt(math.prod(value.shape[1:]))
            weights[name] = (torch.randn(value.shape, generator=generator) * deviation).half()
    return weights


def unet() -> Weights:
    """The UNet. Its last layer is damped, so that what it predicts is about as large as noise."""
    import comfy.ops
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    net = UNetModel(**UNET, out_channels=4, device="cpu", dtype=torch.float32, operations=comfy.ops.disable_weight_init)
    return randomised(net, 1, lambda name: 0.3 if name == "out.2.weight" else 1.0)


def control_net() -> Weights:
    """The ControlNet. Its hint encoder is amplified, else the hint dies away in seven SiLUs."""
    import comfy.ops
    from comfy.cldm.cldm import ControlNet

    net = ControlNet(
        **UNET, hint_channels=3, device="cpu", dtype=torch.float32, operations=comfy.ops.disable_weight_init
    )
    return randomised(net, 2, _control_gain)


def _control_gain(name: str) -> float:
    if name.startswith("input_hint_block."):
        return 2.2
    return 0.3 if name.startswith(("zero_convs.", "middle_block_out.")) else 1.0


def vae() -> Weights:
    """TAESD, the small autoencoder, told the scale of SD 1.5's latents. Its gain keeps most pixels within 0..1."""
    from comfy.taesd.taesd import TAESD

    return randomised(TAESD(), 7, lambda name: 0.8) | {"vae_scale": torch.tensor(0.18215).half()}


def text_encoder() -> Weights:
    """A CLIP-L of 0.3 MB: every matrix is a strided view of one small block of random numbers.

    A token's row is a window of the block. Only the first layer is more than a skip connection: its attention is
    uniform over the tokens so far and passes them through two fixed matrices, so that each position, padding too,
    carries a bag of the words before it. The rows of start and end are zero, or they would drown the words.
    """
    from comfy.sd1_clip import SD1ClipModel

    random = torch.randn(1 << 17, generator=torch.Generator().manual_seed(5)).half()
    rows, matrices = random[: 1 << 16], random[1 << 16 :] / math.sqrt(WIDTH)
    rows[START_TOKEN : START_TOKEN + 2 + WIDTH] = 0
    views = {
        "embeddings.token_embedding.weight": rows.as_strided((VOCABULARY, WIDTH), (1, 1)),
        "layers.0.self_attn.v_proj.weight": matrices.as_strided((WIDTH, WIDTH), (37, 1)),
        "layers.0.self_attn.out_proj.weight": matrices.as_strided((WIDTH, WIDTH), (41, 1), 20_000),
    }
    zero, one = torch.tensor(0.0).half(), torch.tensor(1.0).half()
    weights: Weights = {}
    for name, value in SD1ClipModel(device="meta", dtype=torch.half).state_dict().items():
        view = next((view for end, view in views.items() if name.endswith(end)), None)
        flat = one if ("norm" in name and name.endswith("weight")) or "logit_scale" in name else zero
        weights[name.removeprefix("clip_l.")] = flat.expand(value.shape) if view is None else view
    return weights


def checkpoint() -> Weights:
    """UNet, autoencoder and text encoder under the names of an SD 1.5 checkpoint."""
    parts = {"model.diffusion_model.": unet(), "first_stage_model.": vae(), "cond_stage_model.": text_encoder()}
    return {prefix + name: value for prefix, part in parts.items() for name, value in part.items()}


def make(root: Path) -> list[Path]:
    """Write the files that are not there yet below ``root``.

    Returns:
        The files written.
    """
    written = []
    for place, build in ((CHECKPOINT, checkpoint), (CONTROL_NET, control_net)):
        target = root / place
        if target.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_bytes(_encoded(build(), target.suffix))
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        written.append(target)
    return written


def _encoded(weights: Weights, suffix: str) -> bytes:
    if suffix == ".safetensors":
        from safetensors.torch import save

        return save(weights)
    buffer = io.BytesIO()  # keeps strided views; safetensors would write them out in full
    torch.save({"state_dict": weights}, buffer)
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comfyui", type=Path, required=True, help="ComfyUI's folder: its code builds the nets")
    parser.add_argument("--root", type=Path, default=ROOT / ".assets", help="folder to fill (default: %(default)s)")
    options = parser.parse_args(arguments)
    sys.argv[1:] = ["--cpu"]  # ComfyUI parses them at import
    sys.path.insert(0, str(options.comfyui.resolve()))
    import comfy.options

    comfy.options.enable_args_parsing()
    for path in make(options.root):
        print(f"  made {path.relative_to(options.root)} (untrained, {path.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
