"""Work that is done once, whatever graph asks for it, also after a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any, TypeVar, cast

from ..host.background import check_cancelled, in_background
from ..host.frugal_node import Stage
from ..host.progress import duration, show_on_node
from ..host.settings import settings
from ..host.video import uncharged
from ..video.stream import FrameStream
from .configured import cache, digests, never_fatal
from .content import UnknownContent, content_key
from .entry import Entry, Spent
from .statistics import statistics
from .values import VALUES

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_EVERY = 0.1  # seconds


def memoized(stage: Stage, inputs: dict[str, Any], make: Callable[[], T], *, is_told: bool = True) -> T:
    """What ``make`` gives for these inputs: from the cache if it has been made before, else made and kept.

    The key is the content of the inputs. Without the setting ``cache_automatic``, and where the content of an input
    is not known, it is simply made, though not ahead of the run. If another thread makes it at this moment, this one
    waits for that.

    Args:
        stage: the node that asks; its name joins the key, and it is marked as cached.
        inputs: everything that the result depends on.
        make: gives something that the cache can store.
        is_told: whether the node says so in the editor when it comes from the cache: the words take room in the node.

    Raises:
        UnknownContent: ahead of the run, where it could not be kept for it.
        comfy.model_management.InterruptProcessingException: the user has cancelled in the meantime.
    """
    if not settings().cache_automatic:
        return make()
    key = _key(stage, inputs)
    if key is None:
        if in_background():
            raise UnknownContent(f"{stage.name} is left to the run, which would not find what is made ahead of it")
        _note_miss(stage)
        return make()
    with _at_work.alone(key):
        read = found(key, stage)
        if read is None:
            return _made(key, stage, make)
    entry, value = read
    if not in_background():
        _note_use(key, stage, entry.spent, is_told)
    return cast(T, value)


def found(key: str, stage: Stage, device: str = "cpu") -> tuple[Entry, Any] | None:
    """The entry of a key, whose use is noted, and its value; ``None`` if there is none.

    Args:
        stage: for whom.
        device: where its tensors are wanted.
    """
    read = None
    with never_fatal(stage.name, "it is made anew"):
        read = cache().read(key, lambda entry: VALUES.load(entry.path, device))
    if read:
        with never_fatal(stage.name, "its use is not noted"):
            cache().touch(read[0])
    return read


def kept(key: str, stage: Stage, value: Any, spent: Spent, kind: str = "values") -> None:
    """Keep what a stage has made, and make room for it."""
    with never_fatal(stage.name, "it is not kept"):
        cache().add(key, kind, ".safetensors", lambda path: VALUES.save(value, path), lambda: spent, stage.name)
        cache().trim()


def _key(stage: Stage, inputs: dict[str, Any]) -> str | None:
    plain = {name: uncharged(value)[0] if isinstance(value, FrameStream) else value for name, value in inputs.items()}
    with never_fatal(stage.name, "it is not remembered"):
        try:
            return content_key([stage.name, plain], digests().of)
        except (UnknownContent, OSError) as error:
            logger.debug("%s is not remembered: %s", stage.name, error)
    return None


def _made(key: str, stage: Stage, make: Callable[[], T]) -> T:
    started = time.perf_counter()
    value = make()
    spent = Spent(time.perf_counter() - started)
    if in_background():
        _at_work.ahead.add(key)
    else:
        _note_miss(stage)
        statistics.miss()
    kept(key, stage, value, spent)
    return value


def _note_miss(stage: Stage) -> None:
    with stage.charged() as cost:
        cost.misses += 1


def _note_use(key: str, stage: Stage, spent: Spent, is_told: bool) -> None:
    with stage.charged() as cost:
        cost.hits += 1
    if key in _at_work.ahead:  # done for this run: earlier, but not spared
        _at_work.ahead.discard(key)
        statistics.miss()
        words = f"made ahead of the run: {duration(spent.seconds)}"
    else:
        statistics.hit(spent)
        words = f"from the cache: {duration(spent.seconds)} saved"
    if is_told:
        show_on_node(words)


class AtWork:
    """What this process makes for the cache right now.

    Attributes:
        ahead: keys that were made beside the runs and that no run has asked for yet.
    """

    def __init__(self) -> None:
        self.ahead: set[str] = set()
        self._keys: set[str] = set()
        self._changed = Condition()

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Wait until no other thread is at a key, and keep them off while the work inside goes on."""
        with self._changed:
            if key in self._keys:
                show_on_node("is being made ahead of the run")
            while key in self._keys:
                check_cancelled()
                self._changed.wait(_LOOK_EVERY)
            self._keys.add(key)
        try:
            yield
        finally:
            with self._changed:
                self._keys.discard(key)
                self._changed.notify_all()


# One per ComfyUI process, as the ledger of costs.
_at_work = AtWork()
