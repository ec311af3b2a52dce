"""The cache where the owner of this ComfyUI wants it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from comfy.model_management import throw_exception_if_processing_interrupted

from ..caching.digests import Digests
from ..caching.remote import Remote
from ..caching.store import Store
from .folders import user_folder
from .settings import settings


def cache_folder() -> Path:
    """Where cache entries lie."""
    chosen = settings().cache_folder
    return Path(chosen) if chosen else user_folder("cache")


def cache() -> Store:
    """The entries, and those of the shared store behind them."""
    url = settings().cache_remote
    return Store(cache_folder(), _remote(url) if url else None)


def digests() -> Digests:
    """What files contain. Remembered for this ComfyUI alone: another machine has other files under the same names."""
    return Digests(user_folder("") / "digests.json", throw_exception_if_processing_interrupted)


@lru_cache(maxsize=1)
def _remote(url: str) -> Remote:
    """One per process, since it remembers that it has failed."""
    return Remote(url, throw_exception_if_processing_interrupted)
