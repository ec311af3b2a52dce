"""What the owner of a ComfyUI has set for the pack, in ``user/frugal-motion/settings.json``."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..caching.store import Limits
from ..errors import InputError
from .folders import user_folder

logger = logging.getLogger(__name__)

NAME = "settings.json"


@dataclass(frozen=True)
class Settings:
    """The settings.

    Attributes:
        cache_folder: where entries lie, perhaps a drive that several machines share; empty for the user folder.
        cache_gigabytes: most that is kept; 0 is no limit.
        cache_days: days after which what was not used is dropped; 0 is never.
        cache_remote: URL of a store that machines share, behind the folder; empty for none.
        cache_automatic: whether poses and keyframe plans are kept without a Hash Cache.

    Raises:
        InputError: a value outside its range.
    """

    cache_folder: str = ""
    cache_gigabytes: float = 50.0
    cache_days: float = 0.0
    cache_remote: str = ""
    cache_automatic: bool = True

    def __post_init__(self) -> None:
        for name in ("cache_gigabytes", "cache_days"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
                raise InputError(name, repr(value), "0 (no limit) or more")
        if self.cache_folder and not Path(self.cache_folder).is_absolute():
            raise InputError("cache_folder", repr(self.cache_folder), "an absolute path, or nothing")
        if self.cache_remote and "://" not in self.cache_remote:
            raise InputError("cache_remote", repr(self.cache_remote), "a URL such as s3://bucket/cache, or nothing")

    @property
    def limits(self) -> Limits:
        """Of the cache."""
        return Limits(round(self.cache_gigabytes * 1e9), self.cache_days)


def settings() -> Settings:
    """Read them; what is not there or not right is as it comes."""
    path = user_folder("") / NAME
    try:
        given: Any = json.loads(path.read_text(encoding="utf-8"))
        return Settings(**given)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, TypeError, InputError) as error:
        logger.warning("%s is not used: %s", path, error)
        return Settings()
