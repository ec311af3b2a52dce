"""A key for a value itself, whatever graph it comes from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from ..storable import Storable
from ..video.grid import ClipStream
from ..video.stream import ArrayStream, FrameStream

Digest: TypeAlias = Callable[[Path], str]

VERSION = 2
"""Raise it when what is remembered by such keys is computed in another way."""


class UnknownContent(TypeError):
    """A value whose content cannot be told without making it, such as a stream that is still to be interpolated."""


def content_key(value: Any, digest: Digest) -> str:
    """Hex SHA-256 of a value's content: numbers, texts, files, arrays, streams of clips, and collections of them.

    Args:
        digest: of a file's content.

    Raises:
        UnknownContent: it holds something else.
        OSError: a file cannot be read.
    """
    text = json.dumps([VERSION, _told(value, digest)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _told(value: Any, digest: Digest) -> Any:
    """The value as JSON."""
    for kind, tell in _TELLERS:
        if isinstance(value, kind):
            return tell(value, digest)
    if is_dataclass(value) and not isinstance(value, type):
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return {"value": type(value).__name__, "fields": _told(fields, digest)}
    raise UnknownContent(f"the content of a {type(value).__name__} is not known")


def _stream(value: FrameStream, digest: Digest) -> Any:
    content = value.content()
    if content is None:
        raise UnknownContent(f"the content of a {type(value).__name__} is not known")
    return {"stream": type(value).__name__, "of": _told(content, digest)}


def _number(value: float) -> float:
    if math.isnan(value):
        raise UnknownContent("a parameter is not a number")
    return int(value) if value.is_integer() else value


def _array(value: npt.NDArray[Any]) -> Any:
    content = hashlib.sha256(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data).hexdigest()
    return {"array": content, "shape": list(value.shape), "dtype": str(value.dtype)}


def _tensor(value: torch.Tensor) -> Any:
    value = value.detach().cpu()
    try:
        return _array(value.numpy())
    except TypeError:  # numpy has neither bf16 nor fp8
        content = _array(value.contiguous().reshape(-1).view(torch.uint8).numpy())
        return {**content, "shape": list(value.shape), "dtype": str(value.dtype)}


_TELLERS: tuple[tuple[Any, Callable[[Any, Digest], Any]], ...] = (
    ((type(None), bool, int, str), lambda value, _: value),
    (float, lambda value, _: _number(value)),
    (Fraction, lambda value, _: {"fraction": str(value)}),
    (Path, lambda value, digest: {"file": digest(value)}),
    (torch.Tensor, lambda value, _: _tensor(value)),
    (np.ndarray, lambda value, _: _array(value)),
    (ClipStream, lambda value, d: {"video": d(value.path), "settings": _told(asdict(value.settings), d)}),
    (ArrayStream, lambda value, _: {"frames": _array(value.frames), "rate": str(value.info.frame_rate)}),
    (FrameStream, _stream),
    (Mapping, lambda value, digest: {"map": {str(key): _told(item, digest) for key, item in value.items()}}),
    ((list, tuple), lambda value, digest: {"list": [_told(item, digest) for item in value]}),
    (Storable, lambda value, d: {"value": type(value).__name__, "fields": _told(value.to_fields(), d)}),
)
