"""Not measured yet."""

from __future__ import annotations

from collections.abc import Iterator

from .measurement import Measurement
from .setting import Setting


def measure(setting: Setting) -> Iterator[Measurement]:
    """Nothing yet."""
    yield Measurement("nothing", 0.0, "")
