"""What a file says, for as long as it makes sense, and after that what it said last."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class WatchedFile(Generic[T]):
    """Reads a file again when it has changed. While there is an error in it, what was right last holds on.

    Args:
        read: raises what ``json`` and pydantic do.
        otherwise: taken where nothing has been right yet.
        reasons: an error in words.
    """

    def __init__(self, read: Callable[[], T], otherwise: Callable[[], T], reasons: Callable[[Exception], str]) -> None:
        self._read, self._otherwise, self._reasons = read, otherwise, reasons
        self._lock = Lock()
        self._seen: tuple[Path, int | None] | None = None
        self._right: tuple[Path, T] | None = None
        self._now: tuple[T, str] | None = None

    def of(self, path: Path) -> tuple[T, str]:
        """What holds now, and why it is not what was meant; that is empty if it is, or was when last it made sense."""
        try:
            changed: int | None = path.stat().st_mtime_ns
        except OSError:
            changed = None
        with self._lock:
            if self._now is None or self._seen != (path, changed):
                self._now, self._seen = self._look(path), (path, changed)
            return self._now

    def forget(self) -> None:
        """Read at the next look: a file may change twice within its clock's tick."""
        with self._lock:
            self._now = None

    def _look(self, path: Path) -> tuple[T, str]:
        try:
            found = self._read()
        except (OSError, ValueError, TypeError) as error:  # no JSON, or JSON that is no object
            reasons = self._reasons(error)
            if self._right and self._right[0] == path:
                logger.warning("%s and the environment are not read, what they said last holds: %s", path, reasons)
                return self._right[1], ""
            logger.warning("%s is not used: %s", path, reasons)
            return self._otherwise(), reasons
        self._right = path, found
        return found, ""
