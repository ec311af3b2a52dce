"""What there is to say about a file while it is opened and read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

logger = logging.getLogger(__name__)

Note: TypeAlias = Callable[[str, str], None]
"""Takes a topic and a sentence, which takes the place of an earlier one on the same topic."""


def log_note(topic: str, text: str) -> None:
    """Write the sentence to the log."""
    logger.warning(text)


def about(name: str, note: Note) -> Note:
    """Notes that begin with a file's name."""
    return lambda topic, text: note(f"{name} {topic}", f"{name}: {text}")
