"""Keys of values themselves."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from frugal_motion.nodes.caching.content import UnknownContent, content_key
from frugal_motion.nodes.caching.digests import digest
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.encode import LOSSLESS, save
from frugal_motion.nodes.video.stream import ArrayStream


@dataclass(frozen=True)
class Choice:
    name: str
    size: float = 2.0


def key(value: Any) -> str:
    return content_key(value, digest)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    save(ArrayStream(frames, Fraction(12)), tmp_path / "clip.mp4", LOSSLESS)
    return tmp_path / "clip.mp4"


def test_names_of_files_do_not_count_and_content_does(clip: Path) -> None:
    other = clip.with_name("other.mp4")
    other.write_bytes(clip.read_bytes())
    assert (
        key(FileStream(clip)) == key(FileStream(other)) != key(FileStream(clip, DecodeSettings(start=Fraction(1, 6))))
    )
    other.write_bytes(clip.read_bytes() + b"\0")
    assert key(FileStream(clip)) != key(FileStream(other))
    assert key(clip) != key(other)


DIFFERENT: list[Any] = [
    None, True, 1, "1", 1.5, Fraction(1, 3), [1], [1, 2], [[1], 2], {"a": 1}, {"b": 1},
    np.zeros(3, np.float32), np.zeros(3, np.uint8), np.zeros((3, 1), np.float32), np.ones(3, np.float32),
    Choice("a"), Choice("b"), Choice("a", 3),
    Keyframes((0, 2), 3, Fraction(12)), Keyframes((0, 2), 3, Fraction(25)),
    *(ArrayStream(np.zeros((2, 4, 4, 3), np.uint8), Fraction(rate)) for rate in (6, 12)),
]  # fmt: skip


def test_what_differs_has_another_key() -> None:
    assert len({key(value) for value in DIFFERENT}) == len(DIFFERENT)


def test_what_is_the_same_has_the_same_key() -> None:
    assert key(2) == key(2.0) and key((1, 2)) == key([1, 2])
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert key(torch.arange(4)) == key(np.arange(4))


def test_what_cannot_be_told_has_no_key() -> None:
    for value in (object(), [object()], torch.nn.Linear(1, 1), lambda: 0, float("nan")):
        with pytest.raises(UnknownContent):
            key(value)
