"""Work that is done once, whatever graph asks for it, also after a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ..caching.content import UnknownContent, content_key
from ..caching.statistics import statistics
from ..caching.values import VALUES
from ..video.stream import FrameStream
from .cache import cache, digests
from .node import Stage
from .progress import duration, show_on_node
from .settings import settings
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
    plain = {name: uncharged(value)[0] if isinstance(value, FrameStream) else value for name, value in inputs.items()}
    try:
        key = content_key([stage.name, plain], digests().of)
    except (UnknownContent, OSError) as error:
        logger.debug("%s is not remembered: %s", stage.name, error)
        return make()
    read = cache().read(key, lambda entry: VALUES.load(entry.path))
    if read is None:
        return _made(key, stage, make)
    entry, value = read
    with stage.charged() as cost:
        cost.cached = True
    cache().touch(entry)
    statistics.hit(entry.seconds)
    show_on_node(f"from the cache: {duration(entry.seconds)} saved")
    return cast(T, value)


def _made(key: str, stage: Stage, make: Callable[[], T]) -> T:
    started = time.perf_counter()
    value = make()
    seconds = time.perf_counter() - started
    statistics.miss()
    try:
        cache().add(key, "values", ".safetensors", lambda path: VALUES.save(value, path), lambda: seconds, stage.name)
        cache().trim(settings().limits)
    except OSError as error:  # a cache that cannot keep something must not stop the run
        logger.warning("%s cannot be kept: %s", stage.name, error)
    return value
