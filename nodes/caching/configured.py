"""The cache where the owner of this ComfyUI wants it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..graph import NOTHING, chosen, past_switches
from ..host.background import Cancelled, check_cancelled
from ..host.folders import is_in_own_folder, user_folder
from ..host.prompt import declared, meaning
from ..host.settings import settings
from .digests import Digests
from .limits import Limits
from .remote import Remote
from .signature import Signer
from .store import EntryStore

logger = logging.getLogger(__name__)


class WorkFailed(Exception):
    """The work whose result was to be kept has failed, not the cache.

    Args:
        error: why.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(str(error))


@contextmanager
def never_fatal(who: str, then: str) -> Iterator[None]:
    """Do something for or with the cache inside: whatever goes wrong is a warning, for a cache must not stop a run.

    Args:
        who: for whom it is done.
        then: what becomes of it if it fails.

    Raises:
        WorkFailed: the work itself has failed.
        Cancelled: the user has cancelled.
    """
    try:
        yield
    except (WorkFailed, Cancelled):
        raise
    except Exception as error:  # a full disk alone has several: safetensors' own, FFmpeg's, Python's
        logger.warning("%s: %s; %s", who, str(error) or type(error).__name__, then)
        logger.debug("in full:", exc_info=True)


def cache_folder() -> Path:
    """Where cache entries lie."""
    chosen = settings().cache_folder
    return Path(chosen) if chosen else user_folder("cache")


def cache() -> EntryStore:
    """The entries, and those of the shared store behind them."""
    url = settings().cache_remote
    return EntryStore(cache_folder(), _remote(url) if url else None, limits())


def limits() -> Limits:
    """How much is kept."""
    chosen = settings()
    return Limits(round(chosen.cache_gigabytes * 1e9), chosen.cache_days)


def digests() -> Digests:
    """What files contain. Remembered for this ComfyUI alone: another machine has other files under the same names."""
    return Digests(user_folder("") / "digests.json", check_cancelled)


def contents() -> Callable[[Path], str]:
    """Gives for a key what a file contains, as far as that says what ComfyUI works with."""
    known = digests()
    return lambda path: _loaded.told(path, known.of(path))


def value_key(node: Callable[[str], Any], wire: Any, motion_style: Sequence[str]) -> str:
    """The key of what comes over a wire; switches on the way, and what they have not chosen, have no part in it.

    Args:
        node: gives a node of the prompt by its id.
        wire: the input of the node that keeps it.

    Raises:
        Unsignable: no key could say what it is.
        OSError: a file cannot be read.
    """
    content = contents()
    signer = Signer(lambda node_id: declared(past_switches(node, node(node_id))), lambda text: meaning(text, content))
    return signer.sign(None if (value := chosen(node, wire)) is NOTHING else value, motion_style)


class Loaded:
    """What ComfyUI may have loaded: it goes on with that when a model's file is replaced.

    Such a model is told in words of this process alone, so that what is made with it is not found by any other.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, set[str]] = {}
        self._process = uuid.uuid4().hex

    def told(self, path: Path, digest: str) -> str:
        """The digest, or if the file has had another one before, something that no other process says."""
        if is_in_own_folder(path):  # nodes look if it has changed
            return digest
        seen = self._seen.setdefault(path, set())
        seen.add(digest)
        return digest if len(seen) == 1 else f"{digest} {self._process}"


_loaded = Loaded()


@lru_cache(maxsize=1)
def _remote(url: str) -> Remote:
    """One per process, since it remembers that it has failed."""
    return Remote(url, check_cancelled)
