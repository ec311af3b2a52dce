"""What a file contains, told without reading it twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

PART = 1 << 22
MOST_FILES = 10_000
MOST_BYTES = 32 * 10**9
"""Of a folder: to read more for a key would take longer than people wait."""
MOST_KNOWN = 2 * MOST_FILES
"""Files that are remembered: all are read at every look, and a server that is sent clips meets new ones for ever."""
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
        tell: the digest of a file's content: ``digest``, or ``sha256_of`` for one that others tell alike. Each has a
            memory of its own.
    """

    def __init__(
        self, memory: Path, on_part: Callable[[], None] = lambda: None, tell: Callable[..., str] | None = None
    ) -> None:
        self._memory, self._on_part, self._tell = memory, on_part, tell or digest
        self._known = _read(memory)

    def of(self, path: Path) -> str:
        """The hex digest of a file's content; of a folder, that of the names and contents of all files below it.

        Raises:
            OSError: a file cannot be read, or the folder holds more than ``MOST_FILES`` or ``MOST_BYTES``.
        """
        if not path.is_dir():
            return self._of_files([path])[0]
        files = files_below(path)
        names = [file.relative_to(path).as_posix() for file in files]
        told = json.dumps(list(zip(names, self._of_files(files), strict=True)))
        return hashlib.sha256(told.encode()).hexdigest()

    def _of_files(self, paths: Sequence[Path]) -> list[str]:
        new: dict[str, Stamp] = {}
        digests = []
        for path in paths:
            status, known = path.stat(), self._known.get(str(path))
            if known is None or not known.fits(status):
                known = Stamp(status.st_size, status.st_mtime_ns, status.st_ino, self._tell(path, self._on_part))
                if abs(time.time() - status.st_mtime) > _YOUNG:
                    new[str(path)] = known
            digests.append(known.digest)
        if new:
            self._remember(new)
        return digests

    def _remember(self, new: Mapping[str, Stamp]) -> None:
        # What other processes have learned in the meantime stays; what was learned longest ago goes.
        known = _read(self._memory) | self._known
        both = {path: stamp for path, stamp in known.items() if path not in new} | dict(new)
        self._known = dict(list(both.items())[-MOST_KNOWN:])
        part = self._memory.with_name(f".{uuid.uuid4().hex}.json")
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({path: asdict(stamp) for path, stamp in self._known.items()}), encoding="utf-8")
            os.replace(part, self._memory)
        except OSError as error:  # a folder that is only for reading, a full disk: files are read again next time
            logger.debug("cannot remember digests in %s: %s", self._memory, error)
            with suppress(OSError):
                part.unlink()


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and in those below it, links followed, in the order of their names.

    Raises:
        OSError: a folder cannot be read, or there are more than ``MOST_FILES`` or ``MOST_BYTES``.
    """
    files: list[Path] = []
    for name, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        files += [path for path in map(Path(name).joinpath, names) if path.is_file()]
        if len(files) + len(folders) > MOST_FILES:
            raise OSError(f"{folder} holds more than {MOST_FILES:,} files")
    if sum(file.stat().st_size for file in files) > MOST_BYTES:
        raise OSError(f"{folder} holds more than {MOST_BYTES / 1e9:g} GB")
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error


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


def sha256_of(path: Path, on_part: Callable[[], None] = lambda: None) -> str:
    """Hex SHA-256 of a file, as every program tells it.

    Args:
        on_part: called after every part; it may raise to stop.

    Raises:
        OSError: the file cannot be read.
    """
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(PART):
            whole.update(part)
            on_part()
    return whole.hexdigest()


def _read(memory: Path) -> dict[str, Stamp]:
    try:
        saved = json.loads(memory.read_text(encoding="utf-8"))
        return {path: Stamp(**stamp) for path, stamp in saved.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # nothing remembered: files are read again
