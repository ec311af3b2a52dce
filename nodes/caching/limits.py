"""How much is kept, and what goes first."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from .entry import Entry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How much is kept: ``size`` bytes, and nothing that was not used for ``days``; 0 is no limit."""

    size: int = 0
    days: float = 0.0

    def surplus(self, entries: Iterable[Entry], now: float) -> list[Entry]:
        """What must go: what was not used for too long, then what was used longest ago. Pinned entries stay.

        What is larger than the room that pinned entries leave goes alone, instead of all others.
        """
        entries = sorted(entries, key=lambda entry: entry.used)
        loose = [entry for entry in entries if not entry.pinned]
        room = self.size - sum(entry.size for entry in entries if entry.pinned) if self.size else float("inf")
        total, surplus = sum(entry.size for entry in loose if entry.size <= room), []
        for entry in loose:
            is_old = 0 < self.days * 86400 < now - entry.used
            if entry.size > room:
                size = f"{entry.size:,}"
                logger.warning("%s bytes do not fit into cache_gigabytes; %s is not kept", size, entry.made)
            elif is_old or total > room:
                total -= entry.size
            else:
                continue
            surplus.append(entry)
        return surplus
