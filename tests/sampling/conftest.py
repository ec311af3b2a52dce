"""A small untrained SD1.5-family model, loaded by ComfyUI's stock loaders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.controlnet
import comfy.sd
import pytest
import torch


@dataclass(frozen=True, eq=False)
class Diffusion:
    model: Any
    clip: Any
    vae: Any
    control_net: Any
    positive: Any
    negative: Any


@pytest.fixture(scope="session")
def diffusion(assets: Path) -> Diffusion:
    checkpoint = next((assets / "models" / "checkpoints").glob("frugal-tiny-untrained.*"))
    control = next((assets / "models" / "controlnet").glob("frugal-tiny-openpose-untrained.*"))
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoint))

    def prompt(text: str) -> Any:
        return clip.encode_from_tokens_scheduled(clip.tokenize(text))

    with torch.inference_mode():
        positive, negative = prompt("a neon robot dancing at night"), prompt("blurry")
    return Diffusion(model, clip, vae, comfy.controlnet.load_controlnet(str(control)), positive, negative)


@pytest.fixture(autouse=True)
def _no_autograd() -> Any:
    with torch.inference_mode():  # as ComfyUI executes nodes
        yield


def hints(count: int, size: int = 64) -> torch.Tensor:
    """Distinct pictures ``(count, size, size, 3)``: a bright bar that moves."""
    images = torch.zeros(count, size, size, 3)
    for i in range(count):
        images[i, :, 4 * i : 4 * i + 8, i % 3] = 1
    return images
