"""What is stored under a key."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 1 << 22


@dataclass(frozen=True)
class Spent:
    """What making something has taken: seconds on the wall, and of these those of the GPU."""

    seconds: float = 0.0
    gpu_seconds: float = 0.0


@dataclass(frozen=True)
class Entry:
    """What is stored under a key.

    Attributes:
        key: hex digits.
        path: the content.
        kind: which codec wrote it.
        size: bytes of the content.
        spent: what it took to make.
        checksum: CRC-32 of the content, against accidents.
        made: what made it, for people.
        used: when it was last used, in seconds since 1970.
        pinned: whether it is kept when room is made.
    """

    key: str
    path: Path
    kind: str
    size: int
    spent: Spent
    checksum: int
    made: str
    used: float
    pinned: bool


def entry_of(key: str, path: Path, facts: Mapping[str, Any], used: float) -> Entry:
    """The entry that a JSON file tells of.

    Raises:
        KeyError, ValueError, TypeError: it tells something else.
    """
    return Entry(
        key,
        path,
        str(facts["kind"]),
        int(facts["size"]),
        spent_of(facts),
        int(facts["crc32"]),
        str(facts["made"]),
        used,
        bool(facts["pinned"]),
    )


def spent_of(facts: Mapping[str, Any]) -> Spent:
    """What a JSON file tells of the making; older ones know nothing of the GPU.

    Raises:
        KeyError, ValueError, TypeError: it tells something else.
    """
    return Spent(float(facts["seconds"]), float(facts.get("gpu_seconds", 0.0)))


def is_damaged(entry: Entry) -> bool:
    """Whether an entry's content is something else than what was written; not if it cannot be read now."""
    try:
        return checksum(entry.path) != entry.checksum
    except OSError:
        return False


def checksum(path: Path) -> int:
    """CRC-32 of a file, read in blocks."""
    crc = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc
