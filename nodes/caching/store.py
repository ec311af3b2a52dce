"""Immutable files under a folder, by key."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """What is stored under a key.

    Attributes:
        path: the content.
        kind: which codec wrote it.
        size: bytes of the content.
        seconds: what it took to make.
    """

    path: Path
    kind: str
    size: int
    seconds: float


class Store:
    """One file per entry, written aside and renamed; a JSON file beside it, written last, makes the entry valid.

    Args:
        folder: where the files lie; made on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Entry | None:
        """The entry of a key; ``None`` if there is none, or it is not whole."""
        try:
            facts = json.loads(self._facts(key).read_text(encoding="utf-8"))
            path = self._content(key, str(facts["suffix"]))
            whole = path.stat().st_size == facts["size"]
            return Entry(path, str(facts["kind"]), int(facts["size"]), float(facts["seconds"])) if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def add(
        self,
        key: str,
        kind: str,
        suffix: str,
        write: Callable[[Path], None],
        seconds: Callable[[], float] = lambda: 0.0,
    ) -> Entry:
        """Store what ``write`` puts into the file it is given.

        Args:
            key: hex digits.
            suffix: of the file, with the dot.
            seconds: tells, once it is written, what the value took to make: a stream is made while it is written.

        Raises:
            OSError: the folder cannot be written; nothing is left behind.
        """
        path = self._content(key, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._replace(path, write)
        size, took = path.stat().st_size, round(seconds(), 3)
        facts = {"suffix": suffix, "kind": kind, "size": size, "seconds": took}
        self._replace(self._facts(key), lambda part: _write_json(part, facts))
        return Entry(path, kind, size, took)

    def _replace(self, path: Path, write: Callable[[Path], None]) -> None:
        part = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
        try:
            write(part)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _content(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key}{suffix}"

    def _facts(self, key: str) -> Path:
        return self._content(key, ".json")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
