"""A small untrained SD1.5-family model, loaded as ComfyUI's stock loaders load it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.controlnet
import comfy.sd
import pytest
import torch

from frugal_motion.nodes.host import models as host_models

from . import untrained

IS_CARD = host_models.compute_device().type != "cpu"
ROUNDING = 1e-4 if IS_CARD else 1e-5
"""Relative L2 by which results of batches of other sizes differ: cuDNN and cuBLAS take other ways for each."""


@dataclass(frozen=True, eq=False)
class Diffusion:
    model: Any
    clip: Any
    vae: Any
    control_net: Any
    positive: Any
    negative: Any


@pytest.fixture(scope="session")
def diffusion() -> Diffusion:
    model, clip, vae, _ = comfy.sd.load_state_dict_guess_config(untrained.checkpoint())
    control_net = comfy.controlnet.load_controlnet_state_dict(untrained.control_net())

    def prompt(text: str) -> Any:
        return clip.encode_from_tokens_scheduled(clip.tokenize(text))

    with torch.inference_mode():
        positive, negative = prompt("a neon robot dancing at night"), prompt("blurry")
    return Diffusion(model, clip, vae, control_net, positive, negative)


@pytest.fixture(autouse=True)
def _no_autograd() -> Any:
    with torch.inference_mode():  # as ComfyUI executes nodes
        yield


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that ran out of memory are remembered per model, and the model is shared."""
    monkeypatch.setattr(host_models, "_rows_that_fit", {})


def hints(count: int, size: int = 64) -> torch.Tensor:
    """Distinct pictures ``(count, size, size, 3)``: a bright bar that moves."""
    images = torch.zeros(count, size, size, 3)
    for i in range(count):
        images[i, :, 4 * i : 4 * i + 8, i % 3] = 1
    return images
