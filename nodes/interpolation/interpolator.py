"""A frame interpolation net, ours or newer ComfyUI's, applied to frames."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..accelerator import Accelerator
from ..flops import flops_of
from ..readback import read_back
from ..video.stream import Frames, Picture

P = TypeVar("P")

FULL_FLOW = 1536
"""Longest side in pixels at which motion is looked for at full resolution."""


@dataclass(frozen=True)
class Between(Generic[P]):
    """A frame to be made: the prepared frames around it, and the share 0..1 of the right one."""

    left: P
    right: P
    weight: Fraction


class Interpolator(Protocol[P]):
    """Makes frames between two others. ``P`` is what it remembers of a frame while that frame is in use."""

    def prepare(self, frame: Picture) -> P:
        """What is needed of an RGB frame ``(h, w, 3)``, computed once for all pairs that it is part of."""

    def make(self, wanted: Sequence[Between[P]]) -> Frames:
        """Make frames of one size, of one pair or of several."""

    def flops_per_pixel(self) -> float | None:
        """Work for a pixel of a frame that is made; ``None`` where it cannot be counted."""


class InterpolationNet(Protocol):
    """What INTERP_MODEL nets share: RIFE (ours and ComfyUI's) and FILM (ComfyUI's, with ``forward_multi_timestep``)."""

    def extract_features(self, img: Tensor) -> Any: ...

    def memory_used_forward(self, shape: Any, dtype: torch.dtype) -> float: ...

    def __call__(
        self, img0: Tensor, img1: Tensor, *, timestep: Tensor, cache: Mapping[str, Any], **_: Any
    ) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """A frame on the device, padded to what the net needs, and its features."""

    image: Tensor
    features: Any
    height: int
    width: int


def flow_scale(height: int, width: int) -> float:
    """The resolution at which RIFE looks for motion: halved until the longer side is within ``FULL_FLOW``.

    Large pictures move by more pixels than its blocks can see (Practical-RIFE's advice for UHD, ``--scale=0.5``).
    """
    scale = 1.0
    while max(height, width) * scale > FULL_FLOW:
        scale /= 2
    return scale


class NetInterpolator:
    """An :class:`Interpolator` by a net.

    Frames of one or of several pairs share a batch on a GPU. A CPU takes them one by one: it is slower in batches.
    A batch that does not fit is halved, for the rest of the clip too.
    """

    def __init__(self, net: InterpolationNet, accelerator: Accelerator) -> None:
        self._net, self._on = net, accelerator
        self._dtype: torch.dtype = getattr(net, "image_dtype", accelerator.dtype)
        self._limit = 1 if accelerator.is_cpu else 64
        # FILM: the flow of a pair serves all its times, and rows are not batched.
        self._by_pair = getattr(net, "forward_multi_timestep", None)
        self._least = 2 ** (getattr(net, "pyramid_levels", 1) - 1)  # FILM halves a picture that often
        self._has_scale = "scale" in inspect.signature(getattr(net, "forward", net)).parameters

    def flops_per_pixel(self) -> float | None:
        side = 2 * max(self._align(1, 1), self._least)
        found = self.flops(side, side)
        return None if found is None else (2 * found[0] + found[1]) / side**2

    def flops(self, height: int, width: int) -> tuple[float, float] | None:
        """Work for a picture of that size that is prepared, and for a frame that is made between two of them.

        ``None`` where it cannot be counted.
        """
        below, right = self._padding(height, width)
        image = torch.zeros(1, 3, height + below, width + right, dtype=self._dtype, device="meta")
        options: dict[str, Any] = {"scale": flow_scale(height, width)} if self._has_scale else {}

        def make(net: Any) -> None:
            features = net.extract_features(image)
            cache = {"img0": features, "img1": features}
            if self._by_pair is None:
                net(image, image, timestep=image[:, :1], cache=cache, **options)
            else:
                net.forward_multi_timestep(image, image, [0.5], cache=cache)

        prepared = flops_of(self._net, lambda net: net.extract_features(image))
        both = flops_of(self._net, make)
        return None if prepared is None or both is None else (prepared, both - prepared)

    def prepare(self, frame: Picture) -> PreparedFrame:
        height, width, _ = frame.shape
        below, right = self._padding(height, width)
        self._on.load(self._memory(height, width))
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(frame)).to(self._on.device)
            image = pixels.permute(2, 0, 1)[None].to(self._dtype).div_(255)
            if below or right:
                image = F.pad(image, (0, right, 0, below), mode="replicate")
            image = image.contiguous(memory_format=torch.channels_last)
            return PreparedFrame(image, self._net.extract_features(image), height, width)

    def make(self, wanted: Sequence[Between[PreparedFrame]]) -> Frames:
        frame = wanted[0].left
        result = np.empty((len(wanted), frame.height, frame.width, 3), np.uint8)
        done = 0
        while done < len(wanted):
            batch = self._batch(wanted[done:])
            try:
                self._make_batch(batch, result[done : done + len(batch)])
            except self._on.out_of_memory:
                if len(batch) == 1:
                    raise
                self._limit = len(batch) // 2
            else:
                done += len(batch)
                continue
            self._on.release()  # only now has the exception let go of the tensors
        return result

    def _batch(self, wanted: Sequence[Between[PreparedFrame]]) -> list[Between[PreparedFrame]]:
        """As many of the next frames as fit."""
        first = wanted[0]
        per_frame = self._memory(first.left.height, first.left.width)
        self._on.load(per_frame)
        fits = max(int(self._on.free_memory() // per_frame), 1)
        batch = list(wanted[: min(self._limit, fits)])
        return batch if self._by_pair is None else list(takewhile(lambda one: _same_pair(one, first), batch))

    def _align(self, height: int, width: int) -> int:
        return int(getattr(self._net, "pad_align", 1) / (flow_scale(height, width) if self._has_scale else 1))

    def _padding(self, height: int, width: int) -> tuple[int, int]:
        align = self._align(height, width)
        return max(-height % align, self._least - height), max(-width % align, self._least - width)

    def _memory(self, height: int, width: int) -> float:
        below, right = self._padding(height, width)
        return self._net.memory_used_forward((1, height + below, width + right, 3), self._on.dtype)

    @torch.inference_mode()
    def _make_batch(self, batch: list[Between[PreparedFrame]], result: Frames) -> None:
        left, right = batch[0].left, batch[0].right
        weights = [float(one.weight) for one in batch]
        if self._by_pair is not None:
            cache = {"img0": left.features, "img1": right.features}
            made = self._by_pair(left.image, right.image, weights, cache=cache)
        else:
            made = self._of_pairs(batch, left.image.new_tensor(weights))
        pixels = made[..., : left.height, : left.width].float().clamp(0, 1).mul_(255).round_().to(torch.uint8)
        read_back(pixels.movedim(1, -1), torch.from_numpy(result), pins=self._on.pins)

    def _of_pairs(self, batch: list[Between[PreparedFrame]], weights: Tensor) -> Tensor:
        """A row for each frame; one pair's frames are not copied for it."""
        lefts, rights = [one.left for one in batch], [one.right for one in batch]
        rows = len(batch)
        if all(_same_pair(one, batch[0]) for one in batch):
            lefts, rights = lefts[:1], rights[:1]
        images = [_batched([one.image for one in side]).expand(rows, -1, -1, -1) for side in (lefts, rights)]
        features = [_batched([one.features for one in side]) for side in (lefts, rights)]
        height, width = images[0].shape[2:]
        times = weights.view(-1, 1, 1, 1).expand(-1, 1, height, width)
        cache = {"img0": features[0], "img1": features[1]}
        options: dict[str, Any] = {}
        if self._has_scale:
            options["scale"] = flow_scale(batch[0].left.height, batch[0].left.width)
        return self._net(images[0], images[1], timestep=times, cache=cache, **options)


def _batched(rows: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(rows)) if len(rows) > 1 else rows[0]


def _same_pair(one: Between[PreparedFrame], other: Between[PreparedFrame]) -> bool:
    return one.left is other.left and one.right is other.right
