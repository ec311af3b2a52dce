"""What a part of the GPU day finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class Measurement:
    """A figure.

    Attributes:
        name: dotted and unique in its part, such as ``"8_clips.seconds"``.
        value: finite; any kind of number, such as numpy's or a tensor of one element, becomes a ``float``.
        unit: ``"s"``, ``"GB"``, ``"x"``, ``"dB"``, ...; ``""`` for a count.
        goal: that was set before; ``None`` for a figure that has none.
        better: which side of the goal is good; ``""`` without a goal.
        note: what a reader must know of it, in a few words.

    Raises:
        ValueError: not a finite number, or a goal without a good side.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["higher", "lower", ""] = ""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        if not math.isfinite(self.value):
            raise ValueError(f"{self.name}: found {self.value}; allowed: a finite number")
        if (self.goal is None) != (self.better == ""):
            raise ValueError(f"{self.name}: a goal and its good side come together")

    @property
    def is_reached(self) -> bool | None:
        """Whether the value is on the good side of the goal; ``None`` without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal


Finding: TypeAlias = Measurement | dict[str, Any]
"""What a part yields: a figure, or facts that are no single number, which go into JSON."""
