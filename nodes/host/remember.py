"""Work that is done once, whatever graph asks for it, also after a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from safetensors import SafetensorError

from ..caching.content import UnknownContent, content_key
from ..caching.digests import Digests
from ..caching.statistics import statistics
from ..caching.store import Store, is_whole
from ..caching.values import VALUES
from ..video.stream import FrameStream
from .node import Stage
from .progress import duration, show_on_node
from .settings import cache_folder, settings
from .video import uncharged

logger = logging.getLogger(__name__)

T = TypeVar("T")


def remembered(stage: Stage, inputs: dict[str, Any], make: Callable[[], T]) -> T:
    """What ``make`` gives for these inputs: from the cache if it has been made before, else made and kept.

    The key is the content of the inputs. Without the setting ``cache_automatic``, and where the content of an input
    is not known, it is simply made.

    Args:
        stage: the node that asks; its name joins the key, and it is marked as cached.
        inputs: everything that the result depends on.
        make: gives something that the cache can store.
    """
    if not settings().cache_automatic:
        return make()
    store = Store(cache_folder())
    plain = {name: uncharged(value)[0] if isinstance(value, FrameStream) else value for name, value in inputs.items()}
    try:
        key = content_key([stage.name, plain], Digests(store.folder / "digests.json").of)
    except (UnknownContent, OSError) as error:
        logger.debug("%s is not remembered: %s", stage.name, error)
        return make()
    found = _read(store, key, stage)
    return cast(T, found[0]) if found else _made(store, key, stage, make)


def _read(store: Store, key: str, stage: Stage) -> list[Any] | None:
    entry = store.find(key)
    if entry is None:
        return None
    try:
        if not is_whole(entry):
            raise ValueError("its checksum is wrong")
        value = VALUES.load(entry.path)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        logger.warning("%s: dropped a damaged cache entry: %s", stage.name, error)
        store.remove(entry)
        return None
    with stage.charged() as cost:
        cost.cached = True
    store.touch(entry)
    statistics.hit(entry.seconds)
    show_on_node(f"from the cache: {duration(entry.seconds)} saved")
    return [value]


def _made(store: Store, key: str, stage: Stage, make: Callable[[], T]) -> T:
    started = time.perf_counter()
    value = make()
    seconds = time.perf_counter() - started
    statistics.miss()
    try:
        store.add(key, "values", ".safetensors", lambda path: VALUES.save(value, path), lambda: seconds, stage.name)
        store.trim(settings().limits)
    except OSError as error:  # a cache that cannot keep something must not stop the run
        logger.warning("%s cannot be kept: %s", stage.name, error)
    return value
