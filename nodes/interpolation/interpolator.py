"""A frame interpolation net, ours or newer ComfyUI's, applied to frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..accelerator import Accelerator
from ..video.stream import Frames

Picture = npt.NDArray[np.uint8]
P = TypeVar("P")


class Interpolator(Protocol[P]):
    """Makes frames between two others. ``P`` is what it remembers of a frame while that frame is in use."""

    def prepare(self, frame: Picture) -> P:
        """What is needed of an RGB frame ``(h, w, 3)``, computed once for both pairs that it is part of."""

    def between(self, left: P, right: P, weights: Sequence[Fraction]) -> Frames:
        """The frames at ``weights`` (0 is left, 1 is right) between two prepared ones."""


class InterpolationNet(Protocol):
    """What INTERP_MODEL nets share: RIFE (ours and ComfyUI's) and FILM (ComfyUI's, with ``forward_multi_timestep``)."""

    def extract_features(self, img: Tensor) -> Any: ...

    def memory_used_forward(self, shape: Any, dtype: torch.dtype) -> float: ...

    def __call__(self, img0: Tensor, img1: Tensor, timestep: Tensor, cache: Mapping[str, Any]) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """A frame on the device, padded to what the net needs, and its features."""

    image: Tensor
    features: Any
    height: int
    width: int


class NetInterpolator:
    """An :class:`Interpolator` by a net.

    Several times of one pair share a batch on a GPU. A CPU takes them one by one: it is slower in batches.
    A batch that does not fit is halved, for the rest of the clip too.
    """

    def __init__(self, net: InterpolationNet, accelerator: Accelerator) -> None:
        self._net, self._on = net, accelerator
        self._align = int(getattr(net, "pad_align", 1))
        self._limit = 1 if accelerator.is_cpu else 64

    def prepare(self, frame: Picture) -> PreparedFrame:
        height, width, _ = frame.shape
        self._on.load(self._memory(height, width))
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(frame)).to(self._on.device)
            image = pixels.permute(2, 0, 1)[None].to(self._on.dtype) / 255
            image = F.pad(image, (0, -width % self._align, 0, -height % self._align), mode="replicate")
            image = image.contiguous(memory_format=torch.channels_last)
            return PreparedFrame(image, self._net.extract_features(image), height, width)

    def between(self, left: PreparedFrame, right: PreparedFrame, weights: Sequence[Fraction]) -> Frames:
        made: list[Frames] = []
        while len(made) < len(weights):
            per_frame = self._memory(left.height, left.width)
            self._on.load(per_frame)
            fits = max(int(self._on.free_memory() // per_frame), 1)
            batch = [float(weight) for weight in weights[len(made) :][: min(self._limit, fits)]]
            count = len(made)
            try:
                made.extend(self._frames(left, right, batch))
            except self._on.out_of_memory:
                if len(batch) == 1:
                    raise
            if len(made) == count:  # only now has the exception let go of the tensors
                self._limit = len(batch) // 2
                self._on.release()
        return np.stack(made)

    def _memory(self, height: int, width: int) -> float:
        padded = (1, height + -height % self._align, width + -width % self._align, 3)
        return self._net.memory_used_forward(padded, self._on.dtype)

    @torch.inference_mode()
    def _frames(self, left: PreparedFrame, right: PreparedFrame, weights: list[float]) -> Frames:
        cache = {"img0": left.features, "img1": right.features}
        several = getattr(self._net, "forward_multi_timestep", None)
        if several is not None:  # FILM: the flow does not depend on the time, and rows are not batched
            made = several(left.image, right.image, weights, cache=cache)
        else:
            rows = (len(weights), -1, -1, -1)
            times = left.image.new_tensor(weights).view(-1, 1, 1, 1).expand(-1, 1, *left.image.shape[2:])
            made = self._net(left.image.expand(rows), right.image.expand(rows), timestep=times, cache=cache)
        pixels = made[..., : left.height, : left.width].float().clamp(0, 1).mul(255).round().to(torch.uint8)
        return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())
