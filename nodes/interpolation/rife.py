"""RIFE 4.25 and 4.26: a frame at any time between two others.

Written from the paper (Huang et al., "Real-Time Intermediate Flow Estimation for Video Frame Interpolation",
ECCV 2022, arXiv:2011.06294) and from the layout of the Practical-RIFE 4.25/4.26 weights, whose five blocks refine
flow, mask and a feature map from 1/16 of the resolution to all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError

SCALES = (16, 8, 4, 2, 1)
"""By which each block divides the resolution."""
FLOW, MASK, CARRIED = 4, 1, 8
"""Channels a block gives: flow to either frame, mask, and features carried to the next block."""

MEMORY_PER_PIXEL = 200
"""Numbers alive at once per pixel of a pair: 139 counted, and room for the convolutions' workspace."""

StateDict = Mapping[str, Tensor]


@dataclass(frozen=True)
class RifeLayout:
    """Sizes that tell one RIFE 4.25-family file from another.

    Attributes:
        encoder: channels inside the frame encoder.
        features: channels it gives per frame.
        blocks: channels of the five flow blocks, coarsest first.
    """

    encoder: int = 16
    features: int = 4
    blocks: tuple[int, ...] = (192, 128, 96, 64, 32)


class FrameEncoder(nn.Module):
    """A few features per pixel of one frame, computed once and used in every pair the frame is part of."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.cnn0 = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.cnn1 = nn.Conv2d(width, width, 3, padding=1)
        self.cnn2 = nn.Conv2d(width, width, 3, padding=1)
        self.cnn3 = nn.ConvTranspose2d(width, features, 4, stride=2, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        x = image.to(self.cnn0.weight.dtype)
        for layer in (self.cnn0, self.cnn1, self.cnn2):
            x = F.leaky_relu(layer(x), 0.2, inplace=True)
        return self.cnn3(x).to(image.dtype)  # type: ignore[no-any-return]


class ScaledResidual(nn.Module):
    """A 3x3 convolution whose result is weighted per channel before it is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.beta = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(torch.addcmul(x, self.conv(x), self.beta), 0.2, inplace=True)


class FlowBlock(nn.Module):
    """One refinement of flow, mask and carried features, ``(n, 13, h, w)``, at the resolution of its input."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_halving(inputs, channels // 2), _halving(channels // 2, channels))
        self.convblock = nn.Sequential(*(ScaledResidual(channels) for _ in range(8)))
        outputs = FLOW + MASK + CARRIED
        self.lastconv = nn.Sequential(nn.ConvTranspose2d(channels, 4 * outputs, 4, 2, 1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.lastconv[0].weight  # type: ignore[assignment]
        made: Tensor = self.lastconv(self.convblock(self.conv0(x.to(weight.dtype))))
        return made.to(x.dtype)


class Rife(nn.Module):
    """The network. Height and width must be multiples of ``pad_align``; frames are RGB ``(n, 3, h, w)`` in 0..1.

    Convolutions are done in the precision of the weights, flow and pictures in that of the frames: single precision
    frames lose little by half precision weights.

    The methods are those that newer ComfyUI's ``FrameInterpolate`` calls, so that its node takes this net too.
    """

    pad_align = 4 * SCALES[0]
    image_dtype = torch.float32

    def __init__(self, layout: RifeLayout) -> None:
        super().__init__()
        self.encode = FrameEncoder(layout.encoder, layout.features)
        pair = 2 * (3 + layout.features) + 1  # both frames, their features, and the time
        inputs = (pair, *[pair + FLOW + MASK + CARRIED] * (len(SCALES) - 1))
        self.blocks = nn.ModuleList(FlowBlock(i, c) for i, c in zip(inputs, layout.blocks, strict=True))

    def get_dtype(self) -> torch.dtype:
        """Precision of the weights; ComfyUI's ModelPatcher asks."""
        return self.encode.cnn0.weight.dtype

    def memory_used_forward(self, shape: tuple[int, ...] | torch.Size, dtype: torch.dtype) -> float:
        """Bytes that one time step of one pair of ``(n, h, w, 3)`` frames takes, beside the weights."""
        return float(MEMORY_PER_PIXEL * shape[1] * shape[2] * max(dtype.itemsize, self.image_dtype.itemsize))

    def extract_features(self, img: Tensor) -> Tensor:
        """Encode a frame; give the result back in ``forward``'s ``cache``."""
        return self.encode(img)  # type: ignore[no-any-return]

    def forward(
        self,
        img0: Tensor,
        img1: Tensor,
        timestep: Tensor | float = 0.5,
        cache: Mapping[str, Tensor] | None = None,
        scale: float = 1.0,
    ) -> Tensor:
        """Make the frames at ``timestep`` between two frames.

        Args:
            timestep: 0 (``img0``) to 1 (``img1``): one number, or one per row, broadcastable to ``(n, 1, h, w)``.
            cache: ``extract_features`` of both under ``"img0"`` and ``"img1"``; one row serves the whole batch.
            scale: resolution at which motion is looked for, 1 or a half of it and so on. Height and width must then be
                multiples of ``pad_align / scale``.
        """
        rows, _, height, width = img0.shape
        time = torch.as_tensor(timestep, dtype=img0.dtype, device=img0.device).expand(rows, 1, height, width)
        features0, features1 = (
            (cache[key] if cache and key in cache else self.encode(image)).expand(rows, -1, -1, -1)
            for key, image in (("img0", img0), ("img1", img1))
        )
        grid = _pixel_grid(height, width, img0.device)
        # What is warped together is sampled together: one grid_sample per frame and block.
        sources = (torch.cat((img0, features0), 1), torch.cat((img1, features1), 1))
        flow: Tensor | None = None
        known: list[Tensor] = []  # mask and carried features of the block before, at the resolution of the next
        for block, divisor, following in zip(self.blocks, SCALES, (*SCALES[1:], scale), strict=True):
            step = round(divisor / scale)
            if flow is None:
                first, second = (_reduced(source, step) for source in sources)
            else:
                first, second = _warp(sources[0], flow[:, :2], grid, step), _warp(sources[1], flow[:, 2:], grid, step)
                known.append(_reduced(flow, step) / step)
            frames = (first[:, :3], second[:, :3], first[:, 3:], second[:, 3:])
            made = block(torch.cat((*frames, _reduced(time, step), *known), 1))
            change = _enlarged(made[:, :FLOW], step) * step
            flow = change if flow is None else flow + change
            known = [_enlarged(made[:, FLOW:], divisor / following)]
        assert flow is not None
        left, right = _warp(img0, flow[:, :2], grid), _warp(img1, flow[:, 2:], grid)
        return torch.lerp(right, left, torch.sigmoid(known[0][:, :MASK]))


def load_rife(weights: StateDict, name: str) -> Rife:
    """Build the net that a file's weights fit.

    Args:
        weights: Practical-RIFE's own names (``module.block0…``) or ComfyUI's (``blocks.0…``).
        name: the file's name, for the error.

    Raises:
        InputError: they are not RIFE 4.25/4.26 weights.
    """
    weights = _renamed(weights)
    try:
        net = Rife(_layout(weights))
        net.load_state_dict(weights, strict=True)
    except (KeyError, RuntimeError) as error:
        allowed = "RIFE 4.25 or 4.26 weights (five blocks)"
        remedy = "FILM and other models load with ComfyUI's own Load Frame Interpolation Model."
        raise InputError("model_name", f"another layout in {name}", allowed, remedy) from error
    return net.eval().requires_grad_(False)


def _renamed(weights: StateDict) -> dict[str, Tensor]:
    """Drop what only training used, and give the rest our names."""
    renamed = {}
    for full_key, value in weights.items():
        key = re.sub(r"^(module\.|flownet\.)+", "", full_key)
        if not key.startswith(("teacher.", "caltime.")):
            renamed[re.sub(r"^block(\d)\.", r"blocks.\1.", key)] = value
    return renamed


def _layout(weights: StateDict) -> RifeLayout:
    head = weights["encode.cnn3.weight"]
    blocks = tuple(weights[f"blocks.{i}.conv0.1.0.weight"].shape[0] for i in range(len(SCALES)))
    return RifeLayout(head.shape[0], head.shape[1], blocks)


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True))


def _enlarged(x: Tensor, factor: float) -> Tensor:
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def _reduced(x: Tensor, step: int) -> Tensor:
    """Bilinear at ``1/step`` of the resolution, for even steps: the mean of the four pixels amid each cell."""
    return x if step == 1 else _mean([x[:, :, rows, columns] for rows, columns in _middles(step)])


def _middles(step: int) -> list[tuple[slice, slice]]:
    at = [slice(step // 2 - 1, None, step), slice(step // 2, None, step)]
    return [(rows, columns) for rows in at for columns in at]


def _pixel_grid(height: int, width: int, device: torch.device) -> Tensor:
    """Pixel centres ``(1, h, w, 2)``, x before y, in grid_sample's -1..1."""
    y = torch.linspace(-1, 1, height, device=device)
    x = torch.linspace(-1, 1, width, device=device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]


def _warp(image: Tensor, flow: Tensor, grid: Tensor, step: int = 1) -> Tensor:
    """Look pixels up where ``flow`` (n, 2, h, w, in pixels) points; reduced by ``step``, without making the whole.

    fp16 cannot hold positions: fp32 inside.
    """
    _, _, height, width = image.shape
    half = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=image.device)
    where = grid + flow.permute(0, 2, 3, 1).float() / half
    cells = [where] if step == 1 else [where[:, rows, columns] for rows, columns in _middles(step)]
    pixels = image.float()
    made = [F.grid_sample(pixels, cell, "bilinear", "border", align_corners=True) for cell in cells]
    return _mean(made).to(image.dtype)


def _mean(parts: Sequence[Tensor]) -> Tensor:
    first, *others = parts
    if not others:
        return first
    total = first + others[0]
    for other in others[1:]:
        total += other
    return total.div_(len(parts))
