"""The table of what a run has cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .meter import StageCost

HEADINGS = ("stage", "device", "seconds", "frames", "cached")


@dataclass(frozen=True)
class Report:
    """Costs of one run, in the order in which the stages worked.

    Attributes:
        stages: one row per node.
        price: dollars per hour of the GPU; 0 if unknown.
    """

    stages: tuple[StageCost, ...]
    price: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of all stages."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def gpu_seconds(self) -> float:
        """Seconds in stages that worked on something else than the CPU."""
        return sum(stage.seconds for stage in self.stages if stage.device not in ("cpu", "-"))

    @property
    def dollars(self) -> float:
        """GPU seconds at the given price."""
        return self.gpu_seconds * self.price / 3600

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "stages": [asdict(stage) | {"seconds": round(stage.seconds, 3)} for stage in self.stages],
            "total_seconds": round(self.seconds, 3),
            "gpu_seconds": round(self.gpu_seconds, 3),
            "dollars": round(self.dollars, 6),
        }

    def as_text(self) -> str:
        """A Markdown table, aligned so that it reads as plain text too."""
        text = _table([*(_row(stage) for stage in self.stages), ("total", "", f"{self.seconds:.2f}", "", "")])
        if self.price > 0:
            text += f"\n\nGPU: {self.gpu_seconds:.2f} s at ${self.price:g}/h = ${self.dollars:.4f}"
        return text


def _row(stage: StageCost) -> tuple[str, ...]:
    seconds = "-" if stage.device == "-" else f"{stage.seconds:.2f}"
    return stage.stage, stage.device, seconds, str(stage.frames or "-"), "yes" if stage.cached else "no"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    lines = [HEADINGS, tuple("-" * width for width in widths), *rows]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)
