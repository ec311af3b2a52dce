"""What a run has cost, as a table and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

from ..errors import InputError
from ..graph import title, upstream, without_switches
from ..metering.meter import StageCost

HEADINGS = ("stage", "device", "seconds", "frames", "cached")
MOST_DOLLARS_PER_HOUR = 1000.0


@dataclass(frozen=True)
class Report:
    """Costs of one run, in the order in which the stages worked.

    Attributes:
        stages: one row per node.
        price: dollars per hour of the GPU; 0 if unknown.
        card: name of the GPU.
        video_seconds: of the video that was made, of all clips together; 0 if unknown.

    Raises:
        InputError: no price can be like that.
    """

    stages: tuple[StageCost, ...]
    price: float = 0.0
    card: str = ""
    video_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.price <= MOST_DOLLARS_PER_HOUR:
            raise InputError("gpu_price", f"{self.price}", f"0 (unknown) to {MOST_DOLLARS_PER_HOUR:g} dollars per hour")

    @property
    def seconds(self) -> float:
        """Seconds of all stages."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def gpu_seconds(self) -> float:
        """Seconds of stages that worked on something else than the CPU."""
        return sum(stage.seconds_on_gpu for stage in self.stages)

    @property
    def dollars(self) -> float:
        """GPU seconds at the given price."""
        return self._dollars(self.gpu_seconds)

    @property
    def dollars_per_10_s(self) -> float | None:
        """Dollars for 10 seconds of video, if it is known how much was made."""
        return self.dollars * 10 / self.video_seconds if self.video_seconds > 0 else None

    @property
    def clips(self) -> list[float]:
        """Dollars by clip. What was done for all together is split by frames, and evenly where nothing is known."""
        count = max((len(stage.shares or stage.clips) for stage in self.stages), default=1) or 1
        seconds = [0.0] * count
        for stage in self.stages:
            for clip, share in _shares(stage, count).items():
                seconds[clip] += share * stage.seconds_on_gpu
        return [self._dollars(each) for each in seconds]

    @property
    def not_generated(self) -> float | None:
        """What of whole pictures was not sampled, 0..1, with people as large in them; ``None`` where all of it was.

        What is left after a crop is left of what other stages leave: the shares multiply.
        """
        spared = 1 - prod(1 - stage.spared / stage.offered for stage in self._sparing)
        return spared if spared > 0 else None

    @property
    def _sparing(self) -> list[StageCost]:
        return [stage for stage in self.stages if stage.offered and stage.spared]

    def _dollars(self, seconds: float) -> float:
        return seconds * self.price / 3600

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "card": self.card,
            "price": self.price,
            "stages": [_rounded(asdict(stage)) for stage in self.stages],
            "total_seconds": round(self.seconds, 3),
            "gpu_seconds": round(self.gpu_seconds, 3),
            "load_seconds": round(sum(stage.load_seconds for stage in self.stages), 3),
            "seconds_beside_net": round(sum(stage.seconds_beside_net for stage in self.stages), 3),
            "peak_bytes": max((stage.peak_bytes for stage in self.stages), default=0),
            "joules": round(sum(stage.joules for stage in self.stages), 1),
            "video_seconds": self.video_seconds,
            "dollars": round(self.dollars, 6),
            "dollars_per_10_s": None if self.dollars_per_10_s is None else round(self.dollars_per_10_s, 6),
            "clips": [round(dollars, 6) for dollars in self.clips],
            "not_generated": None if self.not_generated is None else round(self.not_generated, 4),
        }

    def as_text(self) -> str:
        """A Markdown table, aligned so that it reads as plain text too, and below it what it comes to."""
        table = _table([*(_row(stage) for stage in self.stages), ("total", "", f"{self.seconds:.2f}", "", "")])
        return "\n\n".join([table, *self._notes()])

    def _notes(self) -> list[str]:
        values = self.as_dict()
        notes = []
        if values["load_seconds"] >= 0.1:
            notes.append(f"{values['load_seconds']:.1f} s of it brought models to their device.")
        notes.extend(
            f"{stage.stage}: {stage.net_seconds:.1f} s in the net, {stage.seconds_beside_net:.1f} s on the CPU for it."
            for stage in self.stages
            if stage.seconds_beside_net >= 0.1
        )
        if self.not_generated is not None:
            each = ", ".join(f"{stage.stage} {stage.spared / stage.offered:.0%}" for stage in self._sparing)
            notes.append(f"Not generated: {self.not_generated:.0%} of whole pictures with people as large ({each}).")
        if values["peak_bytes"]:
            notes.append(f"Most GPU memory in use: {values['peak_bytes'] / 1e9:.1f} GB.")
        if values["joules"]:
            notes.append(f"Energy of the GPU: {values['joules'] / 3600:.2f} Wh.")
        if self.price > 0:
            notes.append(self._money())
        return notes

    def _money(self) -> str:
        text = f"GPU: {self.gpu_seconds:.2f} s at ${self.price:g}/h = ${self.dollars:.4f}"
        if self.dollars_per_10_s is not None:
            text += f", ${self.dollars_per_10_s:.4f} for 10 s of video"
        if len(self.clips) > 1:
            text += "; by clip: " + ", ".join(f"${dollars:.4f}" for dollars in self.clips)
        return text


def stages_in_front(prompt: Mapping[str, Any], node_id: str, costs: Mapping[str, StageCost]) -> tuple[StageCost, ...]:
    """The pack's nodes in front of one: what they have cost, or that a cache has spared them.

    Args:
        prompt: the graph of the run.
        costs: of the run, by node id.
    """
    stages = []
    prompt = without_switches(prompt)
    for upstream_id in [found for found in upstream(prompt, [node_id]) if found != node_id]:
        name = title(prompt, upstream_id)
        if upstream_id in costs:
            stages.append(replace(costs[upstream_id], stage=name))
        elif prompt[upstream_id]["class_type"].startswith("Frugal"):
            stages.append(StageCost(name, "-", cached=True))
    return tuple(stages)


def _shares(stage: StageCost, clips: int) -> dict[int, float]:
    """What part of a stage was for which clip; adds up to 1."""
    known = stage.shares or (stage.clips if len(stage.clips) > 1 else {})
    total = sum(known.values())
    if total <= 0:
        return dict.fromkeys(range(clips), 1 / clips)
    return {clip: part / total for clip, part in known.items() if clip < clips}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def _row(stage: StageCost) -> tuple[str, ...]:
    seconds = "-" if stage.device == "-" else f"{stage.seconds:.2f}"
    cached = "yes" if stage.cached else f"{stage.hits} of {stage.hits + stage.misses}" if stage.hits else "no"
    return stage.stage, stage.device, seconds, str(stage.frames or "-"), cached


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    lines = [HEADINGS, tuple("-" * width for width in widths), *rows]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)
