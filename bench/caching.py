"""The cache: hashing files against plain hashlib, a hit against reading the file's bytes, and bytes per frame."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file

from bench._compare import result, seconds_side_by_side
from nodes.caching.digests import digest
from nodes.caching.store import EntryStore
from nodes.caching.values import VALUES
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.encode import LOSSLESS, save

CLIP = Path(__file__).resolve().parent.parent / ".assets/input/one_person.mp4"
COMMAND = "make bench ONLY=caching"
GIGABYTE = 1 << 30
FRAMES, SIDE = 100, 512
KEYS = {"floats": "aa", "levels": "bb"}


def measure() -> dict[str, dict[str, object]]:
    """GB/s, times of reading, bytes; the page cache is warm on both sides."""
    with tempfile.TemporaryDirectory() as name:
        return _hashing(Path(name)) | _hits(EntryStore(Path(name) / "cache")) | _sizes(Path(name))


def _hashing(folder: Path) -> dict[str, dict[str, object]]:
    path = folder / "checkpoint"
    with path.open("wb") as file:
        for _ in range(GIGABYTE >> 26):
            file.write(os.urandom(1 << 26))
    ways: dict[str, Callable[[], object]] = {"ours": partial(digest, path)}
    for name in ("sha256", "blake2b"):
        ways[name] = partial(_plain, name, path)
    speeds = {way: path.stat().st_size / 1e9 / seconds for way, seconds in seconds_side_by_side(ways, 3).items()}
    path.unlink()
    print("GB/s", {way: round(speed, 2) for way, speed in speeds.items()}, file=sys.stderr)
    best = max(speed for way, speed in speeds.items() if way != "ours")
    return {
        "cache.hash_gb_s": result(speeds["ours"], "GB/s", 1.0, COMMAND),
        "cache.hash_vs_hashlib": result(speeds["ours"] / best, "x", 1.0, COMMAND),
    }


def _plain(name: str, path: Path) -> str:
    """What hashlib's own users write."""
    whole = hashlib.new(name)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
    return whole.hexdigest()


def _hits(store: EntryStore) -> dict[str, dict[str, object]]:
    """A hit, checksum and all, over reading its file; what 256 levels then take to become floats is told apart."""
    shape = (FRAMES, SIDE, SIDE, 3)
    levels = torch.randint(0, 256, shape, dtype=torch.uint8)
    results = {}
    for kind, image in (("floats", torch.rand(shape)), ("levels", levels.float().div_(255))):
        entry = store.add(KEYS[kind], "values", ".safetensors", lambda path, i=image: VALUES.save(i, path))  # type: ignore[misc]
        ways: dict[str, Callable[[], object]] = {
            "read": entry.path.read_bytes,
            "hit": partial(_hit, store, entry.key, _stored),
        }
        if kind == "levels":
            ways |= {"hit in floats": partial(_hit, store, entry.key, VALUES.load)}
        seconds = seconds_side_by_side(ways)
        print(kind, f"{entry.size / 1e6:.0f} MB", {way: round(s, 3) for way, s in seconds.items()}, file=sys.stderr)
        results[f"cache.hit_over_read_{kind}"] = result(
            seconds["hit"] / seconds["read"], "x", 1.5, COMMAND, better="lower"
        )
        store.remove(entry)
    return results


def _hit(store: EntryStore, key: str, load: Callable[[Path], torch.Tensor]) -> torch.Tensor:
    """All that a hit does; every byte of the value is touched."""
    read = store.read(key, lambda entry: load(entry.path))
    assert read
    return read[1].max()


def _stored(path: Path) -> torch.Tensor:
    """The numbers as they lie in the file."""
    (tensor,) = load_file(path).values()
    return tensor


def _sizes(folder: Path) -> dict[str, dict[str, object]]:
    """Bytes of a frame of the real clip, against those of its numbers."""
    stream = FileStream(CLIP, DecodeSettings(frame_rate=Fraction(12), size=(288, SIDE)))
    image = torch.cat([torch.from_numpy(chunk) for chunk in stream.chunks()]).float() / 255
    VALUES.save(image, folder / "image.safetensors")
    save(stream, folder / "video.mkv", LOSSLESS)
    plain = image.numel() * 4
    return {
        f"cache.{kind}_bytes": result(
            (folder / name).stat().st_size / plain, "of float32", goal, COMMAND, better="lower"
        )
        for kind, name, goal in (("image", "image.safetensors", 0.26), ("video", "video.mkv", 0.26))
    }
