"""Folders of the workers of a machine, and files that they share."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

from filelock import FileLock, Timeout

KEPT_DAYS = 3.0
"""Inputs that no worker has used for so long are removed."""
_SWEEP_EVERY = 3600.0  # seconds
_BLOB = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9]{1,16})?")
_STAMPS = 1 << 29
"""Seconds, 17 years, over which the times of change of inputs are strewn."""

Fetch = Callable[[str, Path], None]
"""Copies an input of the store to a path."""


def default_home() -> Path:
    """Where workers keep what they have, unless told."""
    return Path.home() / ".cache" / "frugal-motion" / "fleet"


class Claim:
    """A worker's own folder below ``<home>/workers``, as long as its process lives.

    A lock of the operating system says that it does: none stays behind, and no clock is asked. Folders of workers that
    are gone are removed.

    Args:
        home: of all workers of this machine.
        name: the worker's; no other one may ever have it.
    """

    def __init__(self, home: Path, name: str) -> None:
        workers = home / "workers"
        workers.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(workers / f"{name}.lock", thread_local=False)
        self.folder = workers / name
        with FileLock(workers / ".lock"):  # who starts at the same time does not take a new folder for a dead one's
            for folder in [path for path in workers.iterdir() if path.is_dir()]:
                _remove_if_dead(folder)
            self._lock.acquire(timeout=0)
            self.folder.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Give the folder up."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with FileLock(self.folder.with_name(".lock")):
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)


def _remove_if_dead(folder: Path) -> None:
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)


class Inputs:
    """What orders want in ComfyUI's input folder. Their contents are kept once for all workers of the machine.

    Args:
        home: of all workers of this machine.
        folder: ComfyUI's input folder.
    """

    def __init__(self, home: Path, folder: Path) -> None:
        self._blobs, self._folder = home / "inputs", folder
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._swept = float("-inf")
        self._laid: list[Path] = []

    def lay(self, wanted: Mapping[str, str], fetch: Fetch) -> None:
        """Put files where ComfyUI looks for them.

        Args:
            wanted: by the path below the input folder, with ``/``, the name in the store.

        Raises:
            ValueError: a path leads out of the folder, or a name is not one of the store.
            OSError: they cannot be had.
        """
        self._sweep()
        for name, blob in wanted.items():
            if not is_confined(name):
                raise ValueError(f"inputs: found {name!r}; allowed: a path below ComfyUI's input folder, with /")
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(self._content(blob, fetch), path)
            self._laid.append(path)

    def remove(self) -> None:
        """Remove what was laid, also by a call that has failed halfway: of a folder of pictures, nodes read all."""
        laid, self._laid = self._laid, []
        for path in laid:
            with suppress(OSError):  # Windows removes nothing that is open
                path.unlink()

    def _content(self, blob: str, fetch: Fetch) -> Path:
        if not _BLOB.fullmatch(blob):
            raise ValueError(f"inputs: found {blob!r}; allowed: the SHA-256 of a file, and its ending")
        path = self._blobs / blob
        # ComfyUI takes a file for another one if its size or its time of change is. Of the content, that time is one
        # that differs where contents do, on all file systems, and is the same when a file comes back.
        changed = 10**9 * (946_684_800 + int(blob[:16], 16) % _STAMPS)
        if not path.exists():
            aside = self._blobs / f".{uuid.uuid4().hex}"
            try:
                fetch(blob, aside)
                os.utime(aside, ns=(time.time_ns(), changed))
                os.replace(aside, path)
            finally:
                aside.unlink(missing_ok=True)
        os.utime(path, ns=(time.time_ns(), changed))  # the time of use is now
        return path

    def _sweep(self) -> None:
        """Remove what was not used for long, now and then."""
        if time.monotonic() < self._swept + _SWEEP_EVERY:
            return
        self._swept = time.monotonic()
        oldest = time.time() - KEPT_DAYS * 86400
        for path in self._blobs.iterdir():
            with suppress(OSError):  # another worker sweeps too
                if path.stat().st_atime < oldest:
                    path.unlink()


def is_confined(name: str) -> bool:
    """Whether a path stays below a folder, on all systems."""
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    leads_out = windows.anchor or posix.is_absolute() or ".." in windows.parts or "\0" in name
    return not leads_out and bool(posix.name) and not (os.name == "nt" and ":" in name)


def _replace(content: Path, path: Path) -> None:
    """Let a path have some content from one moment to the next."""
    if path.exists() and path.samefile(content):
        return
    aside = path.with_name(f".{uuid.uuid4().hex}")
    try:
        try:
            os.link(content, aside)
        except OSError:  # another drive, or a file system without links
            shutil.copy2(content, aside)  # with the time of change
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
