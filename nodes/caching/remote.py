"""A second store behind the local one, so that machines without a common drive share what they have made."""

from __future__ import annotations

import json
import logging
import posixpath
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec

logger = logging.getLogger(__name__)

BLOCK = 1 << 22
_PAUSE = 60.0
"""Seconds that it is left alone after a failure: runs must not wait for it again and again."""
THREAD = "frugal-motion upload"


class RemoteError(OSError):
    """It cannot be reached, or does not do what it should."""


class Remote:
    """Entries under a URL, in the layout of the local folder.

    Args:
        url: whatever fsspec knows, such as ``s3://bucket/cache`` or ``file:///mnt/cache``.
        on_block: called now and then while an entry is fetched; it may raise to stop that.
    """

    def __init__(self, url: str, on_block: Callable[[], None] = lambda: None) -> None:
        self._url, self._on_block = url, on_block
        self._quiet_until = 0.0

    def facts(self, key: str) -> Any:
        """What is known of an entry, as JSON; ``None`` if it has none, or has failed a moment ago.

        Raises:
            RemoteError: it cannot be reached, or holds no JSON there.
        """
        if time.monotonic() < self._quiet_until:
            return None
        with self._reached() as (files, root):
            try:
                return json.loads(files.cat_file(f"{root}/{key[:2]}/{key}.json"))
            except FileNotFoundError:
                return None

    def fetch(self, name: str, path: Path) -> None:
        """Copy a content file to ``path``.

        Raises:
            RemoteError: it cannot be reached.
            OSError: ``path`` cannot be written.
        """
        with path.open("wb") as out:
            for block in self._blocks(name):
                out.write(block)
                self._on_block()

    def send(self, key: str, facts: Mapping[str, Any], content: Path) -> None:
        """Copy an entry there, without anybody waiting for it; a failure is one line in the log."""
        if time.monotonic() >= self._quiet_until:
            Thread(target=self._send, args=(key, facts, content), name=THREAD, daemon=True).start()

    def _send(self, key: str, facts: Mapping[str, Any], content: Path) -> None:
        try:
            with self._reached() as (files, root):
                folder = f"{root}/{key[:2]}"
                files.makedirs(folder, exist_ok=True)
                # The facts come last: they make the entry valid.
                _put(files, f"{folder}/{content.name}", lambda part: files.put_file(str(content), part))
                text = json.dumps(facts).encode()
                _put(files, f"{folder}/{key}.json", lambda part: files.pipe_file(part, text))
        except RemoteError as error:
            logger.warning("%s", error)

    def _blocks(self, name: str) -> Iterator[bytes]:
        with self._reached() as (files, root), files.open(f"{root}/{name[:2]}/{name}", "rb") as file:
            while block := file.read(BLOCK):
                yield block

    @contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        try:
            yield fsspec.core.url_to_fs(self._url)
        except Exception as error:  # storage libraries have errors of their own, and none may stop a run
            self._quiet_until = time.monotonic() + _PAUSE
            found = redacted(repr(error), self._url)
            raise RemoteError(f"cache_remote {place(self._url)} is left alone for a minute: {found}") from error


def place(url: str) -> str:
    """Scheme and host of a URL, without names, passwords and tokens."""
    try:
        host = urlsplit(url).hostname or ""  # not all before the path: a password may hold a slash
    except ValueError:
        host = ""
    return f"{url.partition('://')[0]}://{host}"


def redacted(text: str, url: str) -> str:
    """A text without the secrets of a URL that it may quote."""
    user = url.partition("://")[2].rpartition("@")[0]
    password, query = user.partition(":")[2], url.partition("?")[2]
    for secret in filter(None, (url, user, password, unquote(password), query)):
        text = text.replace(secret, "***")
    return text


def _put(files: Any, path: str, write: Callable[[str], None]) -> None:
    """Write aside and rename, where the storage can rename; others show a file when it is whole."""
    part = posixpath.join(posixpath.dirname(path), f".{uuid.uuid4().hex}")
    write(part)
    files.mv(part, path)
