"""Pictures that are read once, forward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt


class ReadForward:
    """Pictures by their number, as they are read; those that are still needed are held.

    Args:
        pictures: in order.
    """

    def __init__(self, pictures: Iterable[npt.NDArray[np.uint8]]) -> None:
        self._coming = enumerate(pictures)
        self._held: dict[int, npt.NDArray[np.uint8]] = {}
        self._oldest = 0

    def at(self, index: int) -> Any:
        """A picture that was not forgotten."""
        while index not in self._held:
            read, picture = next(self._coming)
            if read >= self._oldest:
                self._held[read] = picture
        return self._held[index]

    def forget_before(self, index: int) -> None:
        """Let go of those in front of one, read or not."""
        self._oldest = max(self._oldest, index)
        self._held = {at: picture for at, picture in self._held.items() if at >= index}
