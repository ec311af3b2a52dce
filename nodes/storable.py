"""Values of the pack that the cache can keep on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class Storable(ABC):
    """A kind of values that the cache can keep: to inherit from this is all that a stage does for its own.

    Attributes:
        STORED_AS: under which files name the kind. It stays, so that what an earlier version has kept is found.
    """

    STORED_AS: ClassVar[str]

    @abstractmethod
    def to_fields(self) -> dict[str, Any]:
        """The value's content as numbers, texts, lists and arrays."""

    @classmethod
    @abstractmethod
    def from_fields(cls, fields: dict[str, Any]) -> Any:
        """The value whose content that is."""


def stored_as(kind: type) -> str | None:
    """The name under which values of just this class are stored; ``None`` for one that says none of its own."""
    name = vars(kind).get("STORED_AS") if issubclass(kind, Storable) else None
    return name if isinstance(name, str) else None


def storable_class(name: str) -> type[Storable]:
    """The class that is stored under a name.

    Raises:
        KeyError: none, of the stages that have been imported.
    """
    return {stored_as(kind): kind for kind in Storable.__subclasses__()}[name]
