"""Prompts of several clips as one CONDITIONING with a row for each frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch

# What differs from prompt to prompt and has a row per batch row; everything else must be the same for all.
_BY_ROW = ("pooled_output",)
_LONGEST_REPEAT = 4  # as in ComfyUI: text is repeated at most this often to make lengths agree


def can_stack(conditionings: Sequence[Any]) -> bool:
    """Whether prompts differ in nothing but their embeddings, so that one batch can hold them."""
    return all(_alike(a, b) for a, b in pairwise(conditionings)) and all(
        _common_length([conditioning[entry][0] for conditioning in conditionings]) is not None
        for entry in range(len(conditionings[0]))
    )


def stack(conditionings: Sequence[Any], rows: Sequence[int]) -> Any:
    """One CONDITIONING whose embeddings have a row for every row of the batch.

    Text of different lengths is repeated to their least common multiple, which attention does not notice.

    Args:
        conditionings: one per clip, such that ``can_stack``.
        rows: frames of each clip in the batch.
    """
    if len(conditionings) == 1:
        return conditionings[0]
    stacked = []
    for entries in zip(*conditionings, strict=True):
        texts = [text for text, _ in entries]
        length = _common_length(texts)
        assert length is not None
        text = torch.cat([_of_rows(t.repeat(1, length // t.shape[1], 1), n) for t, n in zip(texts, rows, strict=True)])
        options = dict(entries[0][1])
        for name in _BY_ROW:
            if options.get(name) is not None:
                parts = [_of_rows(entry[1][name], count) for entry, count in zip(entries, rows, strict=True)]
                options[name] = torch.cat(parts)
        stacked.append([text, options])
    return stacked


def _of_rows(value: torch.Tensor, rows: int) -> torch.Tensor:
    return value.expand(rows, *value.shape[1:]) if len(value) == 1 else value[:rows]


def _common_length(texts: Sequence[torch.Tensor]) -> int | None:
    lengths = [text.shape[1] for text in texts]
    common = math.lcm(*lengths)
    return common if common // min(lengths) <= _LONGEST_REPEAT else None


def _alike(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(
        a[0].shape[2:] == b[0].shape[2:] and len(a[0]) == len(b[0]) == 1 and _same_options(a[1], b[1])
        for a, b in zip(one, other, strict=True)
    )


def _same_options(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one.keys() != other.keys() or _has_frames(one) or _has_frames(other):
        return False
    by_row = all((one.get(name) is None) == (other.get(name) is None) for name in _BY_ROW)
    return by_row and all(_equal(one[name], other[name]) for name in one if name not in _BY_ROW)


def _has_frames(options: dict[str, Any]) -> bool:
    """Whether it holds what belongs to one clip's frames: the hints of a control, a mask per frame."""
    mask = options.get("mask")
    return options.get("control") is not None or (mask is not None and mask.ndim > 2 and len(mask) > 1)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor) and torch.equal(one, other)
    return bool(one is other or one == other)
