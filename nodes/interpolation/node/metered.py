"""A net whose seconds are told apart from the work that the CPU does for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...host.frugal_node import in_net
from ...video.stream import Frames, Picture
from ..interpolator import Between, Interpolator


class MeteredInterpolator:
    """An :class:`Interpolator` that notes how long it works, on the stage that is charged for it."""

    def __init__(self, inner: Interpolator[Any]) -> None:
        self._inner = inner

    def prepare(self, frame: Picture) -> Any:
        """As ``Interpolator.prepare``."""
        with in_net():
            return self._inner.prepare(frame)

    def make(self, wanted: Sequence[Between[Any]]) -> Frames:
        """As ``Interpolator.make``."""
        with in_net():
            return self._inner.make(wanted)

    def flops_per_pixel(self) -> float | None:
        """As ``Interpolator.flops_per_pixel``."""
        return self._inner.flops_per_pixel()
