"""What a file contains, told without reading it twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

BLOCK = 1 << 22


@dataclass(frozen=True)
class Stamp:
    """A content digest, and what tells a changed file from an unchanged one."""

    size: int
    mtime_ns: int
    inode: int
    sha256: str


class Digests:
    """SHA-256 of files' contents, remembered by size, time of change and inode, across restarts.

    Args:
        memory: a JSON file to remember them in.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known = _read(memory)

    def of(self, path: Path) -> str:
        """The hex digest of a file's content.

        Raises:
            OSError: the file cannot be read.
        """
        status, known = path.stat(), self._known.get(str(path))
        if known and (known.size, known.mtime_ns, known.inode) == (status.st_size, status.st_mtime_ns, status.st_ino):
            return known.sha256
        stamp = Stamp(status.st_size, status.st_mtime_ns, status.st_ino, sha256(path))
        self._known[str(path)] = stamp
        self._save()
        return stamp.sha256

    def _save(self) -> None:
        part = self._memory.with_name(f".{uuid.uuid4().hex}.json")
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({path: asdict(stamp) for path, stamp in self._known.items()}), encoding="utf-8")
            os.replace(part, self._memory)
        except OSError as error:  # a folder that is only for reading, a full disk: files are read again next time
            logger.debug("cannot remember digests in %s: %s", self._memory, error)


def sha256(path: Path) -> str:
    """The hex SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read(memory: Path) -> dict[str, Stamp]:
    try:
        saved = json.loads(memory.read_text(encoding="utf-8"))
        return {path: Stamp(**stamp) for path, stamp in saved.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # nothing remembered: files are read again
