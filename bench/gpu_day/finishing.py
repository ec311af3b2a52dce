"""Upscaling and interpolation beside ComfyUI's own nodes: same process, same frames, in turns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import comfy.utils
import torch

from . import interpolating, reading_back, upscaling
from .drawn_clip import held_clip
from .measurement import Finding
from .setting import Setting
from .steps import each

FRAMES = 33


def measure(setting: Setting) -> Iterator[Finding]:
    """Ratios to ComfyUI's own nodes, frames a second, memory, and what becomes of a batch that does not fit."""
    comfy.utils.set_progress_bar_enabled(False)
    with torch.inference_mode():  # as ComfyUI executes nodes
        clip = held_clip(9 if setting.rehearse else FRAMES, 64 if setting.rehearse else 512)
        yield from each(
            [
                *(partial(upscaling.beside_core, setting, clip, case) for case in upscaling.CASES),
                *(partial(interpolating.rife, setting, clip, side) for side in (1, 2)),
                partial(interpolating.film, setting, clip),
                partial(interpolating.guided, setting, clip),
                partial(upscaling.with_less_memory, setting, clip),
                partial(interpolating.with_less_memory, setting, clip),
                partial(reading_back.ways, setting),
            ]
        )
