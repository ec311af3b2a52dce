"""The cache where the owner of this ComfyUI wants it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import folder_paths

from ..caching.digests import Digests
from ..caching.remote import Remote
from ..caching.signature import Signer
from ..caching.store import Store
from .beside import check_cancelled
from .folders import user_folder
from .prompt import declared, meaning
from .settings import settings


def cache_folder() -> Path:
    """Where cache entries lie."""
    chosen = settings().cache_folder
    return Path(chosen) if chosen else user_folder("cache")


def cache() -> Store:
    """The entries, and those of the shared store behind them."""
    url = settings().cache_remote
    return Store(cache_folder(), _remote(url) if url else None, settings().limits)


def digests() -> Digests:
    """What files contain. Remembered for this ComfyUI alone: another machine has other files under the same names."""
    return Digests(user_folder("") / "digests.json", check_cancelled)


def contents() -> Callable[[Path], str]:
    """Gives for a key what a file contains, as far as that says what ComfyUI works with."""
    known = digests()
    return lambda path: _loaded.told(path, known.of(path))


def value_key(node: Callable[[str], Any], wire: Any, motion_style: Sequence[str]) -> str:
    """The key of what comes over a wire.

    Args:
        node: gives a node of the prompt by its id.
        wire: the input of the node that keeps it.

    Raises:
        Unsignable: no key could say what it is.
        OSError: a file cannot be read.
    """
    content = contents()
    signer = Signer(lambda node_id: declared(node(node_id)), lambda text: meaning(text, content))
    return signer.sign(wire, motion_style)


class Loaded:
    """What ComfyUI may have loaded: it goes on with that when a model's file is replaced.

    Such a model is told in words of this process alone, so that what is made with it is not found by any other.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, set[str]] = {}
        self._process = uuid.uuid4().hex

    def told(self, path: Path, digest: str) -> str:
        """The digest, or if the file has had another one before, something that no other process says."""
        if _is_read_anew(path):
            return digest
        seen = self._seen.setdefault(path, set())
        seen.add(digest)
        return digest if len(seen) == 1 else f"{digest} {self._process}"


_loaded = Loaded()


def _is_read_anew(path: Path) -> bool:
    """Whether nodes look if it has changed, as those do that read from ComfyUI's own folders."""
    folders = (
        folder_paths.get_input_directory(),
        folder_paths.get_output_directory(),
        folder_paths.get_temp_directory(),
    )
    return any(path.is_relative_to(folder) for folder in folders)


@lru_cache(maxsize=1)
def _remote(url: str) -> Remote:
    """One per process, since it remembers that it has failed."""
    return Remote(url, check_cancelled)
