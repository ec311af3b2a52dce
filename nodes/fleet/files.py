"""Files that a gateway and its workers hand each other, on any storage that fsspec knows.

``inputs/<sha256><suffix>`` are what prompts name; ``jobs/<job id>/<run>/<name>`` is what an attempt at a job leaves
behind.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PureWindowsPath
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import fsspec

from ..caching.digests import sha256_of
from ..caching.storage import place, put, redacted

logger = logging.getLogger(__name__)

DAY = 86400.0
_FRESH = DAY
"""Seconds for which an input is taken as it lies there. One that is older, and used again, is sent anew."""
LEAST_DAYS = 3.0
"""Inputs are kept for as long at least: a worker fetches one soon after it was found fresh."""
_INPUT = re.compile(r"[0-9a-f]{64}(\.[a-z0-9]{1,16})?")
_PART = re.compile(r"\.[0-9a-f]{32}")
"""What a sender that was killed leaves behind; see ``caching.storage.put``."""
_JOB = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[\w-]{1,100}", re.ASCII)


class FilesError(OSError):
    """The storage cannot be reached, or does not hold what it should; ``errno`` is that of what went wrong, if any."""


class Files:
    """The files under a URL. All methods block: they are for threads.

    One gateway has a URL to itself, since it removes what belongs to none of its own jobs.

    Args:
        url: whatever fsspec knows, such as ``s3://bucket/fleet`` or ``file:///mnt/fleet``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._guard = Lock()
        self._sending: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def put_input(self, path: Path, sha256: str) -> str:
        """Bring a file there, unless it is there; its name in the store.

        Args:
            sha256: of its content, in hex; see ``caching.digests.sha256_of``.

        Raises:
            FilesError: the storage cannot be reached.
            OSError: the file is not there.
        """
        name, size = input_name(path, sha256), path.stat().st_size
        # Many jobs begin at once with the same clip: one of them sends it, and the others wait for that.
        with self._alone(name), self._storage(f"send {path.name}") as (files, root):
            target = f"{root}/inputs/{name}"
            # Asked every time, since what was there may have been found damaged, or was swept away.
            if _size(files, target) != size or _age(files, target) > _FRESH:
                put(files, target, partial(files.put_file, str(path)))
        return name

    def get_input(self, name: str, path: Path) -> None:
        """Copy an input to a path, where it is whole or absent.

        One that is damaged is removed from the storage, so that it is sent anew when it is wanted again.

        Raises:
            FilesError: it is not there or damaged, the storage cannot be reached, or ``path`` cannot be written.
            ValueError: it is no name of an input.
        """
        digest = _checked_input(name).partition(".")[0]
        with self._storage(f"fetch {name}") as (files, root):
            source = f"{root}/inputs/{name}"
            if _size(files, source) is None:
                raise self._failed(f"no {name}", "The gateway sends it when the job is tried again.")
            with _aside(path) as part:
                files.get_file(source, str(part))
                if sha256_of(part) != digest:
                    with suppress(Exception):
                        files.rm_file(source)
                    raise self._failed(
                        f"{name} is damaged: its content is not what its name says",
                        "The gateway sends it anew when the job is tried again.",
                    )
                os.replace(part, path)

    def put_output(self, job_id: str, run: str, name: str, path: Path) -> None:
        """Bring a file there that an attempt at a job has made.

        Args:
            name: below the attempt's folder, with ``/``.

        Raises:
            FilesError: the storage cannot be reached.
            ValueError: the name leads out of the folder.
            OSError: the file is not there.
        """
        target = f"{_attempt(job_id, run)}/{_confined(name)}"
        path.stat()
        with self._storage(f"send {name}") as (files, root):
            put(files, f"{root}/{target}", partial(files.put_file, str(path)))

    def take_output(self, job_id: str, run: str, folder: Path, names: Collection[str] | None = None) -> list[str]:
        """Copy what an attempt has left so far into a local folder, but for what is there already.

        Args:
            folder: of this attempt alone.
            names: only those, as ``put_output`` takes them; ``None`` for all.

        Returns:
            The names that are in the folder now.

        Raises:
            FilesError: one of the names is not there or leads out of the folder, the storage cannot be reached, or the
                folder cannot be written.
            ValueError: one of ``names`` leads out of the folder.
        """
        base, wanted = _attempt(job_id, run), None if names is None else {_confined(name) for name in names}
        with self._storage(f"fetch what run {run} of job {job_id} has made") as (files, root):
            there = self._output(files, f"{root}/{base}")
            if missing := sorted((wanted or set()) - there.keys()):
                raise self._failed(f"run {run} of job {job_id} has left no {', '.join(missing)}")
            taken = sorted(there if wanted is None else wanted)
            for name in taken:
                _fetch(files, there[name], folder / name)
            return taken

    def drop_job(self, job_id: str) -> None:
        """Remove all that attempts at a job have left.

        Raises:
            FilesError: the storage cannot be reached.
            ValueError: it is no id.
        """
        folder = f"jobs/{_token(job_id)}"
        with self._storage(f"remove {folder}") as (files, root), suppress(FileNotFoundError):
            files.rm(f"{root}/{folder}", recursive=True)

    def sweep(self, may_run: Callable[[str], bool], unused_days: float) -> None:
        """Remove what is left of jobs that have ended, and inputs that were not used for long.

        Args:
            may_run: whether a job, by its id, runs or waits, as it may begin at any moment.
            unused_days: how long inputs are kept; at least ``LEAST_DAYS``.

        Raises:
            FilesError: the storage cannot be reached.
        """
        for name in self._listed("jobs"):
            if _JOB.fullmatch(name) and not may_run(name):  # names of others are left alone
                self._try(partial(self.drop_job, name))
        oldest = max(unused_days, LEAST_DAYS) * DAY
        for name in self._listed("inputs"):
            if _INPUT.fullmatch(name) or _PART.fullmatch(name):
                self._try(partial(self._drop_unused, name, oldest))

    def _try(self, remove: Callable[[], None]) -> None:
        try:
            remove()
        except FilesError as error:  # as by a late upload to that folder: it goes next time
            logger.warning("%s", error)

    def _drop_unused(self, name: str, oldest: float) -> None:
        with self._storage(f"remove {name}") as (files, root), suppress(FileNotFoundError):
            path = f"{root}/inputs/{name}"
            if _age(files, path) > oldest:
                files.rm_file(path)

    def _listed(self, folder: str) -> list[str]:
        with self._storage(f"list {folder}") as (files, root):
            try:
                return [posixpath.basename(path.rstrip("/")) for path in files.ls(f"{root}/{folder}", detail=False)]
            except FileNotFoundError:
                return []

    def _output(self, files: Any, base: str) -> dict[str, dict[str, Any]]:
        """What is known of the files of an attempt, by their names."""
        found: dict[str, dict[str, Any]] = files.find(base, detail=True)
        output = {}
        for path, known in found.items():
            name = path.removeprefix(f"{base}/")
            if known.get("islink") or posixpath.basename(name).startswith("."):  # what is being sent right now
                continue
            try:
                output[_confined(name)] = {**known, "name": path}
            except ValueError as error:
                raise self._failed(str(error)) from None
        return output

    def _alone(self, name: str) -> Lock:
        with self._guard:
            return self._sending.setdefault(name, Lock())

    @contextmanager
    def _storage(self, purpose: str) -> Iterator[tuple[Any, str]]:
        """The file system and the path in it; its errors become ours, which tell no secrets."""
        try:
            files, root = fsspec.core.url_to_fs(self._url)
            files.invalidate_cache()  # some keep listings, and others change what is there
            yield files, root.rstrip("/")
        except FilesError:
            raise
        except Exception as error:  # noqa: BLE001  storage libraries have errors of their own
            raise self._failed(f"cannot {purpose}: {error!r}", cause=error) from None

    def _failed(self, found: str, remedy: str = "", cause: Exception | None = None) -> FilesError:
        remedy = remedy or "Look whether this machine reaches what fleet_files names, and may write there."
        error = FilesError(f"files of the fleet at {place(self._url)}: {redacted(found, self._url)}. {remedy}")
        error.errno = getattr(cause, "errno", None)
        return error


def folder_url(folder: Path) -> str:
    """The URL of a folder of this machine. ``Path.as_uri`` escapes spaces and more, which fsspec takes as they are."""
    return f"file://{folder.absolute().as_posix()}"


def input_name(path: Path, sha256: str) -> str:
    """The name of an input in the store: what it contains, and the ending by which programs know what it is."""
    name = sha256 + path.suffix.lower()
    return _checked_input(name if _INPUT.fullmatch(name) else sha256)


def _checked_input(name: str) -> str:
    if not _INPUT.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an input, such as <sha256>.mp4")
    return name


def _attempt(job_id: str, run: str) -> str:
    return f"jobs/{_token(job_id)}/{_token(run)}"


def _token(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no id")
    return name


def _confined(name: str) -> str:
    """A name below a folder; hidden ones are of files that are being sent.

    Raises:
        ValueError: it leads out, also on Windows, or is hidden.
    """
    bad = any(not part or part.startswith(".") for part in name.split("/"))
    if bad or "\\" in name or "\0" in name or PureWindowsPath(name).drive:
        raise ValueError(f"{name!r} is no name of a file below a folder")
    return name


def _size(files: Any, path: str) -> int | None:
    """Bytes of a file; ``None`` if there is none."""
    try:
        size: int = files.info(path)["size"]
    except FileNotFoundError:
        return None
    return size


def _age(files: Any, path: str) -> float:
    """Seconds since a file was written, by the clocks of the storage and this machine; 0 where storage does not say."""
    try:
        return float(time.time() - files.modified(path).timestamp())
    except NotImplementedError:
        return 0.0
    except FileNotFoundError:  # removed a moment ago
        return float("inf")


def _fetch(files: Any, known: dict[str, Any], target: Path) -> None:
    if target.is_file() and target.stat().st_size == known["size"]:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with _aside(target) as part:
        files.get_file(known["name"], str(part))
        os.replace(part, target)


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A path beside another, to write to before it takes that name; nothing stays there."""
    part = path.with_name(f".{uuid.uuid4().hex}")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
