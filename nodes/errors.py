"""The one way this pack refuses an input."""

from __future__ import annotations


class InputError(ValueError):
    """An input a node cannot work with.

    Args:
        name: the input as the user sees it, e.g. ``"start"`` or ``"control_images"``.
        found: what was given.
        allowed: what would have worked.
        remedy: what to do about it, where that does not follow from ``allowed``.
    """

    def __init__(self, name: str, found: str, allowed: str, remedy: str = "") -> None:
        self.name, self.found, self.allowed, self.remedy = name, found, allowed, remedy
        super().__init__(f"{name}: found {found}; allowed: {allowed}." + (f" {remedy}" if remedy else ""))
