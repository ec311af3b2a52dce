"""Several prompts in one text."""

from __future__ import annotations

from ..errors import InputError


def text_lines(text: str) -> list[str]:
    """The lines of a text that are not empty, without the blanks around them.

    Raises:
        InputError: there are none.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("text", "no lines", "one line or more")
    return lines
