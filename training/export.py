"""Write the model as ComfyUI's stock loaders take it: one checkpoint and one ControlNet, weights in 8 bits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from . import text

CHECKPOINT = "frugal-demo.ckpt"
CONTROL_NET = "frugal-demo-openpose.safetensors"
VAE_SCALE = 0.18215
"""SD 1.5's factor between latents and what the UNet sees; TAESD is told, so that its latents come out at UNet scale."""


def write(folder: Path, unet: Any, control_net: Any, encoder: Any, decoder: Any) -> None:
    """Write both files, aside first.

    Args:
        folder: made if missing.
        unet, control_net, encoder, decoder: nets with their final weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    autoencoder = {
        "vae_scale": torch.tensor(VAE_SCALE),
        "vae_shift": torch.tensor(0.0),
        **_prefixed("taesd_encoder.", encoder.state_dict()),
        **_prefixed("taesd_decoder.", decoder.state_dict()),
    }
    state = {
        **_prefixed("model.diffusion_model.", _compact(unet)),
        **_prefixed("first_stage_model.", {name: value.half().contiguous() for name, value in autoencoder.items()}),
        **_prefixed("cond_stage_model.", text.weights()),
    }
    # Not safetensors: it would write the text encoder's views out in full, 250 MB.
    _aside(folder / CHECKPOINT, lambda part: torch.save({"state_dict": state}, part))
    _aside(folder / CONTROL_NET, lambda part: save_file(_compact(control_net), part))


def read(folder: Path) -> tuple[Any, Any, Any, Any]:
    """UNet, ControlNet, encoder and decoder of files that ``write`` has written, in float32."""
    from . import autoencoder, networks

    state = torch.load(folder / CHECKPOINT, weights_only=True)["state_dict"]
    unet, control_net = networks.build(seed=0)
    taesd = autoencoder.build(seed=0)
    _fill(unet, state, "model.diffusion_model.")
    _fill(taesd.taesd_encoder, state, "first_stage_model.taesd_encoder.")
    _fill(taesd.taesd_decoder, state, "first_stage_model.taesd_decoder.")
    _fill(control_net, load_file(folder / CONTROL_NET), "")
    return unet, control_net, taesd.taesd_encoder, taesd.taesd_decoder


def _fill(net: Any, state: dict[str, Tensor], prefix: str) -> None:
    found = {name.removeprefix(prefix): value.float() for name, value in state.items() if name.startswith(prefix)}
    net.load_state_dict(found)


def rounded(name: str, value: Tensor) -> Tensor:
    """A parameter of UNet or ControlNet as it will be read from the file."""
    return _cast(name, value).to(value.dtype)


def _compact(net: Any) -> dict[str, Tensor]:
    """Matrices as float8 (e4m3), what is small or sensitive as float16."""
    return {name: _cast(name, value).contiguous() for name, value in net.state_dict().items()}


def _cast(name: str, value: Tensor) -> Tensor:
    sensitive = name.startswith(("out.", "input_blocks.0.0.", "input_hint_block.0."))
    return value.half() if value.ndim < 2 or sensitive else value.to(torch.float8_e4m3fn)


def _prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


def _aside(path: Path, save: Callable[[Path], None]) -> None:
    part = path.with_name(f".{path.name}.part")
    save(part)
    os.replace(part, path)
