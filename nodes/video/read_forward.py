"""What is read once, forward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class ReadForward(Generic[T]):
    """Pictures, or what is made of them, by their number, as they are read; those that are still needed are held.

    Args:
        pictures: in order.
    """

    def __init__(self, pictures: Iterable[T]) -> None:
        self._coming = enumerate(pictures)
        self._held: dict[int, T] = {}
        self._oldest = 0

    def at(self, index: int) -> T:
        """One that was not forgotten.

        Raises:
            LookupError: it was.
        """
        if index < self._oldest:
            raise LookupError(f"{index} was forgotten, as all before {self._oldest}")
        while index not in self._held:
            read, picture = next(self._coming)
            if read >= self._oldest:
                self._held[read] = picture
        return self._held[index]

    def forget_before(self, index: int) -> None:
        """Let go of those in front of one, read or not."""
        self._oldest = max(self._oldest, index)
        self._held = {at: picture for at, picture in self._held.items() if at >= index}
