"""The speeds of stages, by what earlier parts have told of their work and seconds, beside the data sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from frugal_motion.nodes.economy.prices import Card, card_named, cards
from frugal_motion.nodes.forecast.edit_work import GPU_STAGES
from frugal_motion.nodes.forecast.throughput import UTILISATION

from . import results
from .measurement import Finding, Measurement
from .results import Results
from .setting import Setting

FIGURES = ("flops", "frames", "seconds")


def measure(setting: Setting) -> Iterator[Finding]:
    """TFLOP/s of each stage over all runs; the runs themselves go to ``nodes/forecast/speeds.json``."""
    day = results.read(setting.results)
    measured = speeds_in(day)
    if not measured:
        yield {"why": "no part has told the work and the seconds of its stages"}
    card = cards()[0] if setting.rehearse else card_named(day.about["card"])
    for stage in GPU_STAGES:
        yield from _reached(stage, [one for one in measured if one["stage"] == stage], card)


def speeds_in(day: Results) -> list[dict[str, Any]]:
    """Stages on the GPU that parts have told in their facts ``measured``: see ``throughput.Measured``."""
    told = [one for part in day.parts for one in part.facts.get("measured", ())]
    return [{name: one[name] for name in ("stage", *FIGURES)} for one in told if _is_speed(one)]


def _is_speed(one: Any) -> bool:
    if not isinstance(one, Mapping) or one.get("stage") not in GPU_STAGES:
        return False
    return all(isinstance(one.get(name), (int, float)) and 0 < one[name] < inf for name in FIGURES)


def _reached(stage: str, runs: Sequence[Mapping[str, Any]], card: Card | None) -> Iterator[Measurement]:
    if not runs:
        return
    speed = sum(one["flops"] for one in runs) / sum(one["seconds"] for one in runs) / 1e12
    yield Measurement(f"{stage}.tflops", speed, "TFLOP/s", note=f"{len(runs)} runs together")
    if card:
        guess = f"; {UTILISATION[stage]:g} is taken for cards that were not measured" if stage in UTILISATION else ""
        yield Measurement(f"{stage}.share", speed / card.tflops, "", note=f"of {card.tflops:g} TFLOP/s{guess}")
