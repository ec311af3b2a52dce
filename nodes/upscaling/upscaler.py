"""Frames through a super-resolution net, in batches and tiles that fit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil, sqrt
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from spandrel import ModelTiling
from torch import Tensor

from ..accelerator import Accelerator
from ..flops import flops_of
from ..readback import read_back

HALO = 64
"""Pixels that a tile sees beyond what it gives. A compact net looks 18 far. x4plus looks further than any tile, but
beyond 64 little counts."""

SMALLEST_TILE = 64
CORE_TILE = 512 * 512
"""Pixels for which ComfyUI's own upscaling node makes room."""

CPU_TILE = 512
"""Most pixels along a tile's side on a CPU, where a cancel waits for one tile."""

NUMBERS_PER_PIXEL = 1152
"""Numbers alive per input pixel and unit of scale, at worst: Real-ESRGAN x4 holds 64 channels of 16 pixels 4 times."""

LARGEST_TENSOR = 2**31 - 1
LARGEST_PER_PIXEL = 256
"""Numbers in the largest of those tensors, and how many at most: more PyTorch's CUDA kernels refuse ("less than INT_MAX
elements", in older versions) or address slowly. Only cards of more than 24 GB would hold them."""

Pixels: TypeAlias = npt.NDArray[Any]
"""RGB frames ``(n, h, w, 3)``: uint8, or float32 in 0..1."""


class UpscaleNet(Protocol):
    """What is used of spandrel's ``ImageModelDescriptor``."""

    @property
    def scale(self) -> int: ...

    @property
    def tiling(self) -> ModelTiling: ...

    @property
    def model(self) -> torch.nn.Module: ...

    def __call__(self, image: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Plan:
    """How much goes through the net at once: of ``frames`` frames a ``tile`` by ``tile`` part, and its halo."""

    frames: int
    tile: int

    def halved(self) -> Plan | None:
        """The next smaller plan; ``None`` when there is nothing left to save."""
        if self.frames > 1:
            return Plan(self.frames // 2, self.tile)
        return Plan(1, self.tile // 2) if self.tile // 2 >= SMALLEST_TILE else None


class Upscaler:
    """Makes frames ``size`` large: by the net, then bicubically to the exact size.

    Frames that are to become no larger are only resized. A net that does not enlarge (``scale`` 1: a denoiser, say)
    always runs. What does not fit in memory is halved, first in frames and then in tiles, for the rest of the clip too.

    Args:
        size: width and height of the result.
    """

    def __init__(self, net: UpscaleNet, accelerator: Accelerator, size: tuple[int, int]) -> None:
        self._net, self._on, self.size = net, accelerator, size
        self._fits: Plan | None = None

    def __call__(self, frames: Pixels, out: Pixels | None = None) -> Pixels:
        """Upscale frames; the result is of the dtype of the input.

        Args:
            out: where to put it ``(n, *size reversed, 3)``.
        """
        count, height, width, _ = frames.shape
        result = np.empty((count, self.size[1], self.size[0], 3), frames.dtype) if out is None else out
        if self.uses_net(width, height):
            self._by_net(frames, result)
        else:
            self._resize(frames, result)
        return result

    def uses_net(self, width: int, height: int) -> bool:
        """Whether frames of that size go through the net."""
        # A pixel more is an odd side made even, not an enlargement.
        return self.size[0] > width + 1 or self.size[1] > height + 1 or self._net.scale == 1

    def flops_per_pixel(self) -> float | None:
        """Work of the net for a pixel that it is given; ``None`` where torch cannot count it."""
        image = torch.zeros(1, 3, SMALLEST_TILE, SMALLEST_TILE, dtype=self._on.dtype, device="meta")
        flops = flops_of(self._net.model, lambda net: net(image))
        return None if flops is None else flops / SMALLEST_TILE**2

    def _resize(self, frames: Pixels, result: Pixels) -> None:
        for number, frame in enumerate(frames):
            _put(self._to_size(_to_images(frame[None], torch.device("cpu"))), result[number : number + 1])

    def _by_net(self, frames: Pixels, result: Pixels) -> None:
        first = 0
        while first < len(frames):
            plan = self._plan(*frames.shape[1:3])
            part = frames[first : first + plan.frames]
            try:
                self._through_device(part, plan.tile, result[first : first + len(part)])
            except self._on.out_of_memory:
                smaller = self._smaller(Plan(len(part), plan.tile))
                if smaller is None:
                    raise
                self._fits = smaller
            else:
                first += len(part)
                continue
            self._on.release()  # only now has the exception let go of the tensors

    def _through_device(self, part: Pixels, tile: int, result: Pixels) -> None:
        """Rounding is a part of it: behind a small net it takes more memory than that."""
        images = _to_images(part, self._on.device).to(self._on.dtype)
        _put(self._enlarge(images, tile), result, pins=self._on.pins)

    def _smaller(self, plan: Plan) -> Plan | None:
        if plan.frames == 1 and self._net.tiling is ModelTiling.INTERNAL:
            return None
        return plan.halved()

    def _plan(self, height: int, width: int) -> Plan:
        """The most that free memory promises to hold, and no more than has failed before."""
        whole, area = max(height, width), height * width
        self._on.load(self._bytes(min(area, CORE_TILE)))  # other models make room before we look what is free
        pixels = min(
            0.8 * self._on.free_memory() / self._bytes(1), LARGEST_TENSOR / (LARGEST_PER_PIXEL * self._net.scale)
        )
        fits = int(pixels // area)
        plan = Plan(fits, whole) if fits else Plan(1, max(int(sqrt(pixels)) - 2 * HALO, SMALLEST_TILE))
        if self._on.is_cpu:  # slower in batches
            plan = Plan(1, min(plan.tile, CPU_TILE))
        if self._fits is not None:
            plan = Plan(min(plan.frames, self._fits.frames), min(plan.tile, self._fits.tile))
        if self._net.tiling is ModelTiling.INTERNAL:  # it wants the whole picture
            plan = Plan(plan.frames, whole)
        return plan

    def _bytes(self, pixels: int) -> float:
        return float(pixels * NUMBERS_PER_PIXEL * self._net.scale * self._on.dtype.itemsize)

    @torch.inference_mode()
    def _enlarge(self, images: Tensor, tile: int) -> Tensor:
        """``(n, 3, h, w)`` to ``(n, 3, *size)``, tile by tile; only the part of a tile that has a halo is used."""
        rows, _, height, width = images.shape
        if max(height, width) <= tile:
            return self._to_size(self._through_net(images))
        scale = self._net.scale
        shape = rows, 3, height * scale, width * scale
        large = images.new_empty(shape).contiguous(memory_format=torch.channels_last)
        for (top, bottom), (left, right) in product(_cuts(height, tile), _cuts(width, tile)):
            y, x = max(top - HALO, 0), max(left - HALO, 0)
            made = self._through_net(images[:, :, y : bottom + HALO, x : right + HALO])
            made = made[:, :, (top - y) * scale :, (left - x) * scale :]
            part = large[:, :, top * scale : bottom * scale, left * scale : right * scale]
            part.copy_(made[:, :, : part.shape[2], : part.shape[3]])
        return self._to_size(large)

    def _through_net(self, images: Tensor) -> Tensor:
        rows, _, height, width = images.shape
        self._on.load(self._bytes(rows * height * width))
        return self._net(images.contiguous(memory_format=torch.channels_last))

    def _to_size(self, images: Tensor) -> Tensor:
        width, height = self.size
        if images.shape[2:] == (height, width):
            return images
        return F.interpolate(images.float(), (height, width), mode="bicubic", antialias=True).clamp_(0, 1)


def _cuts(length: int, tile: int) -> list[tuple[int, int]]:
    """Cut ``length`` into equal parts of at most ``tile``."""
    part = ceil(length / ceil(length / tile))
    return [(first, min(first + part, length)) for first in range(0, length, part)]


def _to_images(frames: Pixels, device: torch.device) -> Tensor:
    images = torch.from_numpy(np.ascontiguousarray(frames)).to(device).movedim(-1, 1)
    return images.float() / 255 if frames.dtype == np.uint8 else images.float()


def _put(images: Tensor, result: Pixels, *, pins: bool = False) -> None:
    """Write images ``(n, 3, h, w)`` into frames."""
    if result.dtype == np.uint8:
        images = images.to(torch.float32, copy=True)  # theirs may be held elsewhere
        images = images.mul_(255).round_().to(torch.uint8)
    read_back(images.movedim(1, -1), torch.from_numpy(result), pins=pins)
