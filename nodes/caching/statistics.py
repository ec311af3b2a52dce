"""What the cache has spared since the process started."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from .entry import Spent


@dataclass
class Statistics:
    """Counts of this process; nodes run in one thread, REST asks from another."""

    hits: int = 0
    misses: int = 0
    seconds_saved: float = 0.0
    gpu_seconds_saved: float = 0.0

    def __post_init__(self) -> None:
        self._lock = Lock()

    def hit(self, spent: Spent) -> None:
        """An entry has been used that took so much to make."""
        with self._lock:
            self.hits += 1
            self.seconds_saved += spent.seconds
            self.gpu_seconds_saved += spent.gpu_seconds

    def miss(self) -> None:
        """A value had to be made."""
        with self._lock:
            self.misses += 1

    def as_dict(self) -> dict[str, float]:
        """For REST."""
        return {
            "hits": self.hits,
            "misses": self.misses,
            "seconds_saved": round(self.seconds_saved, 1),
            "gpu_seconds_saved": round(self.gpu_seconds_saved, 3),
        }


statistics = Statistics()
