"""The work of nets that make larger frames, and frames between. Their weights, which are small, are read."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from spandrel import ModelLoader, UnsupportedModelError

from ..accelerator import Accelerator
from ..errors import InputError
from ..host.models import load_state_dict
from ..interpolation.interpolator import NetInterpolator
from ..interpolation.rife import load_rife
from ..upscaling.upscaler import Upscaler
from .edit_work import Work
from .model_files import FileVersion


def upscale_scale(path: Path) -> float:
    """How many times as wide the result of an upscaling net is.

    Raises:
        InputError: the file cannot be read.
    """
    return _upscaler(FileVersion.of(path))[1]


def upscale_work(path: Path) -> Work:
    """FLOPs for a frame of that size through an upscaling net. Its weights, which are small, are read.

    Raises:
        InputError: the file cannot be read.
    """
    return _upscaler(FileVersion.of(path))[0]


@lru_cache(maxsize=8)
def _upscaler(file: FileVersion) -> tuple[Work, float]:
    try:
        net: Any = ModelLoader().load_from_state_dict(load_state_dict(file.path))
    except (UnsupportedModelError, RuntimeError, ValueError) as error:
        raise InputError("upscale_model", repr(file.path.name), "a super-resolution net") from error
    each = Upscaler(net, Accelerator(), (2, 2)).flops_per_pixel()
    return lambda width, height: None if each is None else each * width * height, float(net.scale)


def interpolation_work(path: Path) -> tuple[Work, Work]:
    """FLOPs for a picture that frames are made between, and for a frame that is made. The weights are read.

    Raises:
        InputError: they are not those of RIFE.
    """
    return _interpolation_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _interpolation_work(file: FileVersion) -> tuple[Work, Work]:
    interpolator = NetInterpolator(load_rife(load_state_dict(file.path), file.path.name), Accelerator())
    count = lru_cache(maxsize=256)(interpolator.flops)

    def part(index: int) -> Work:
        def work(width: int, height: int) -> float | None:
            found = count(height, width)
            return None if found is None else found[index]

        return work

    return part(0), part(1)
