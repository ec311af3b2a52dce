"""A second store behind the local one, so that machines without a common drive share what they have made."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Any, TypeVar

import fsspec

from ..strict_json import to_json
from .storage import place, put, redacted

logger = logging.getLogger(__name__)

T = TypeVar("T")

BLOCK = 1 << 24
_PAUSE = 60.0
"""Seconds that it is left alone after a failure: runs must not wait for it again and again."""
_PATIENCE = 30.0
"""Seconds in which an answer or a block must come: some libraries try for minutes."""
_LOOK_EVERY = 0.1
THREAD = "frugal-motion upload"


class RemoteError(OSError):
    """It cannot be reached, or does not do what it should."""


class Remote:
    """Entries under a URL, in the layout of the local folder.

    Args:
        url: whatever fsspec knows, such as ``s3://bucket/cache`` or ``file:///mnt/cache``.
        on_wait: called every 0.1 s and after every block while it is waited for; it may raise to stop that.
    """

    def __init__(self, url: str, on_wait: Callable[[], None] = lambda: None) -> None:
        self._url, self._on_wait = url, on_wait
        self._quiet_until = 0.0
        self._sending = Lock()

    def facts(self, key: str) -> Any:
        """What is known of an entry, as JSON; ``None`` if it has none, or the store has failed a moment ago.

        Raises:
            RemoteError: it cannot be reached.
            ValueError: it holds no JSON there.
        """
        if self._is_quiet():
            return None
        try:
            return json.loads(self._answer(lambda files, root: files.cat_file(f"{root}/{key[:2]}/{key}.json")))
        except FileNotFoundError:
            return None

    def fetch(self, name: str, size: int, path: Path) -> None:
        """Copy a content file of ``size`` bytes to ``path``.

        Raises:
            FileNotFoundError: it is not there.
            RemoteError: it cannot be reached.
            OSError: ``path`` cannot be written.
        """
        with path.open("wb") as out:
            for first in range(0, size, BLOCK):
                out.write(self._answer(partial(_block, name=name, start=first, end=min(first + BLOCK, size))))
                self._on_wait()

    def send(self, key: str, facts: Mapping[str, Any], content: Path) -> None:
        """Copy an entry there, without anybody waiting for it; a failure is one line in the log."""
        if self._is_quiet():
            return
        try:
            Thread(target=self._send, args=(key, facts, content), name=THREAD, daemon=True).start()
        except RuntimeError as error:  # there are too many
            logger.warning("%s", self._failed(error))

    def _send(self, key: str, facts: Mapping[str, Any], content: Path) -> None:
        with self._sending:  # one at a time: s3fs holds up to 500 MB of each in memory
            if self._is_quiet():
                return
            try:
                files, root = fsspec.core.url_to_fs(self._url)
                folder = f"{root}/{key[:2]}"
                # The facts come last: they make the entry valid.
                put(files, f"{folder}/{content.name}", lambda part: files.put_file(str(content), part))
                text = to_json(facts).encode()
                put(files, f"{folder}/{key}.json", lambda part: files.pipe_file(part, text))
            except Exception as error:  # noqa: BLE001  storage libraries have errors of their own
                if content.exists():
                    logger.warning("%s", self._failed(error))
                else:
                    logger.info("%s was dropped before it could be shared", content.name)

    def _answer(self, ask: Callable[[Any, str], T]) -> T:
        """What ``ask`` gives for the file system and the path in it. Who asks can be stopped while it is silent.

        Raises:
            FileNotFoundError: there is no such file.
            RemoteError: anything else, or nothing within ``_PATIENCE``.
        """
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(ask(*fsspec.core.url_to_fs(self._url)))
            except BaseException as error:  # noqa: BLE001  who has asked gets it
                future.set_exception(error)

        Thread(target=work, name="frugal-motion download", daemon=True).start()
        deadline = time.monotonic() + _PATIENCE
        while not wait([future], _LOOK_EVERY).done:
            self._on_wait()
            if time.monotonic() > deadline:
                raise self._failed(TimeoutError(f"no answer for {_PATIENCE:g} seconds"))
        try:
            return future.result()
        except FileNotFoundError:
            raise
        except Exception as error:  # storage libraries have errors of their own, and none may stop a run
            raise self._failed(error) from error

    def _is_quiet(self) -> bool:
        return time.monotonic() < self._quiet_until

    def _failed(self, error: Exception) -> RemoteError:
        self._quiet_until = time.monotonic() + _PAUSE
        found = redacted(repr(error), self._url)
        return RemoteError(f"cache_remote {place(self._url)} is left alone for a minute: {found}")


def _block(files: Any, root: str, name: str, start: int, end: int) -> Any:
    return files.cat_file(f"{root}/{name[:2]}/{name}", start=start, end=end)
