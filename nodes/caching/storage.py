"""Storage that fsspec knows: files that are whole or absent, and what may be said of its URL."""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec


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


def put(files: Any, path: str, write: Callable[[str], None]) -> None:
    """Write a file that others see when it is whole: aside and renamed, where the storage can rename.

    Object storage cannot, and shows nothing before its end. It has no folders either: to make one can make a bucket.
    """
    if type(files).mv is fsspec.AbstractFileSystem.mv:  # copies and deletes
        write(path)
        return
    folder = posixpath.dirname(path)
    files.makedirs(folder, exist_ok=True)
    part = posixpath.join(folder, f".{uuid.uuid4().hex}")
    try:
        write(part)
        files.mv(part, path)
    except Exception:
        with suppress(Exception):
            files.rm_file(part)
        raise
