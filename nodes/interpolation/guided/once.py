"""What several threads need, and only one of them makes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Values by key, each made by the thread that first asks for it; others wait for that.

    Values may need those of another ``Once``, as long as none needs itself on the way.

    Args:
        make: a value, in any thread; what it raises, all raise who ask for that value.
    """

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make, self._lock = make, Lock()
        self._known: dict[K, Future[V]] = {}

    def __call__(self, key: K) -> V:
        with self._lock:
            known = self._known.get(key)
            value = self._known[key] = known or Future()
        if known is None:
            try:
                value.set_result(self._make(key))
            except BaseException as error:  # noqa: BLE001  who has asked gets it
                value.set_exception(error)
        return value.result()

    def keep(self, wanted: Callable[[K], bool]) -> None:
        """Let go of all other values."""
        with self._lock:
            self._known = {key: value for key, value in self._known.items() if wanted(key)}
