"""What a file contains, told without reading it twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

PART = 1 << 22
_YOUNG = 2.0
"""Seconds in which a file can change again without a new time of change: FAT counts in steps of two."""


@dataclass(frozen=True)
class Stamp:
    """A content digest, and what tells a changed file from an unchanged one."""

    size: int
    mtime_ns: int
    inode: int
    digest: str

    def fits(self, status: os.stat_result) -> bool:
        """Whether the file is still the one that was read."""
        return (self.size, self.mtime_ns, self.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)


class Digests:
    """Digests of files' contents, remembered by size, time of change and inode, across restarts.

    Args:
        memory: a JSON file to remember them in.
        on_part: called now and then while a file is read; it may raise to stop that.
    """

    def __init__(self, memory: Path, on_part: Callable[[], None] = lambda: None) -> None:
        self._memory, self._on_part = memory, on_part
        self._known = _read(memory)

    def of(self, path: Path) -> str:
        """The hex digest of a file's content.

        Raises:
            OSError: the file cannot be read.
        """
        status, known = path.stat(), self._known.get(str(path))
        if known and known.fits(status):
            return known.digest
        stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ino, digest(path, self._on_part))
        if abs(time.time() - status.st_mtime) > _YOUNG:
            self._remember(path, stamp)
        return stamp.digest

    def _remember(self, path: Path, stamp: Stamp) -> None:
        # What other processes have learned in the meantime stays.
        self._known = _read(self._memory) | self._known | {str(path): stamp}
        part = self._memory.with_name(f".{uuid.uuid4().hex}.json")
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({path: asdict(stamp) for path, stamp in self._known.items()}), encoding="utf-8")
            os.replace(part, self._memory)
        except OSError as error:  # a folder that is only for reading, a full disk: files are read again next time
            logger.debug("cannot remember digests in %s: %s", self._memory, error)
            with suppress(OSError):
                part.unlink()


def digest(path: Path, on_part: Callable[[], None] = lambda: None) -> str:
    """Hex SHA-256 over the SHA-256 of every 4 MiB of a file, which all cores read and hash side by side.

    Args:
        on_part: called after every part; it may raise to stop.

    Raises:
        OSError: the file cannot be read.
    """

    def of_part(start: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return hashlib.sha256(file.read(PART)).digest()  # which lets go of the interpreter

    whole, starts = hashlib.sha256(), range(0, path.stat().st_size, PART)
    threads = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(starts), 4 * threads):
            for part in pool.map(of_part, starts[first : first + 4 * threads]):
                whole.update(part)
            on_part()
    return whole.hexdigest()


def _read(memory: Path) -> dict[str, Stamp]:
    try:
        saved = json.loads(memory.read_text(encoding="utf-8"))
        return {path: Stamp(**stamp) for path, stamp in saved.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # nothing remembered: files are read again
