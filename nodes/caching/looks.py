"""What has been looked up in the cache before a node is executed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from .entry import Entry

Place: TypeAlias = tuple[str, str]
"""A run and a node of it, by their ids."""


@dataclass(frozen=True)
class Look:
    """What a look into the cache has shown; without a key the value is one that cannot be found again."""

    key: str | None
    found: tuple[Entry, list[Any]] | None = None


class Looks:
    """Looks between the question what is needed and its use.

    ComfyUI asks for both of a node one after the other; what an interrupted run has left is dropped by the next.
    """

    def __init__(self) -> None:
        self._looks: dict[Place, Look] = {}

    def __contains__(self, place: Place) -> bool:
        return place in self._looks

    def get(self, place: Place) -> Look:
        return self._looks[place]

    def put(self, place: Place, look: Look) -> None:
        self._looks = {other: kept for other, kept in self._looks.items() if other[0] == place[0]} | {place: look}

    def take(self, place: Place) -> Look | None:
        return self._looks.pop(place, None)
