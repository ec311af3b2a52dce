"""Keys of values themselves."""

from __future__ import annotations

from collections.abc import Iterator
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
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames, FrameStream


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


class Shifted(FrameStream):
    """A stream derived from another, by a number."""

    def __init__(self, source: FrameStream, by: int) -> None:
        self.source, self.by, self.info = source, by, source.info

    def content(self) -> object:
        return self.source, self.by

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return (chunk + np.uint8(self.by) for chunk in self.source.chunks(size))


class Untold(Shifted):
    def content(self) -> object:
        return None


def test_derived_streams_have_keys_by_what_they_follow_from(clip: Path) -> None:
    again, of_another = Shifted(FileStream(clip), 1), Shifted(FileStream(clip, DecodeSettings(start=Fraction(1, 6))), 1)
    told = [Shifted(FileStream(clip), 1), Shifted(FileStream(clip), 2), of_another, Shifted(again, 1)]
    assert key(again) == key(told[0])
    assert len({key(one) for one in (*told, FileStream(clip))}) == 5
    with pytest.raises(UnknownContent, match="Untold"):
        key(Shifted(Untold(FileStream(clip), 1), 1))


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
    torch.zeros(3).bfloat16(), torch.ones(3).bfloat16(), torch.zeros(3).to(torch.float8_e4m3fn), torch.zeros(3).half(),
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


def test_keys_of_arrays_are_what_they_were() -> None:
    """What earlier versions have kept is found."""
    value = [np.arange(6.0).reshape(2, 3)[:, ::2], torch.arange(4).reshape(2, 2).T, np.zeros((0, 3))]
    assert key(value) == "e0ac570bc032fadd4bea6430011ad1904c3c9a64ef4766aaec2fafd071c1cbc0"
