"""What is promised of a GPU, and by which figure of the GPU day it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .measurement import Measurement
from .results import Results


@dataclass(frozen=True)
class Goal:
    """A promise.

    Attributes:
        figures: names of measurements that tell it, as ``<part>.<measurement>``; one ``*`` may stand for anything.
        title: what is promised, as the page says it.
        goal: how much of it; ``""`` where any number is news.
        promised: file in which it is, seen from ``docs/``; with the heading, if it has one.
    """

    figures: str
    title: str
    goal: str
    promised: str


_FASTER = "seconds of sampling an edit of 10 seconds, the naive way over mode"
_STAGES = "measurements.md#from-keyframes-to-the-finished-video"

GOALS = (
    Goal("micro_batches.clips_per_second_ratio", "clips a second in batches, over one by one", "1.43 x", _STAGES),
    Goal("ten_seconds.naive_over_sparse", f"{_FASTER} sparse", "15 x", "costs.md#work"),
    Goal("ten_seconds.naive_over_hybrid", f"{_FASTER} hybrid", "8 x", "costs.md#work"),
    Goal("ten_seconds.naive_over_dense", f"{_FASTER} dense", "4 x", "costs.md#work"),
    Goal("ten_seconds.sparse.dollars", "10 seconds of video, mode sparse", "$0.15 at most", "costs.md#dollars"),
    Goal("ten_seconds.sparse.stage.*", "seconds of each stage of that edit", "", "costs.md#dollars"),
    Goal("finishing.upscale_*.vs_core", "upscaling, over ComfyUI's own node", "2 x", _STAGES),
    Goal("finishing.rife_*.vs_core", "interpolation, over the node of newer ComfyUIs", "2 x", _STAGES),
    Goal("working_ahead.speed", "jobs with work done ahead, over jobs without", "", "serving.md#what-happens-to-a-job"),
    Goal("idle_unload.freed", "memory that an idle GPU gives back", "90 %", "settings.md"),
    Goal("idle_unload.first_step.from_disk", "seconds from a first prompt to its first step", "", "settings.md"),
)


def figures_of(goal: Goal, day: Results) -> list[tuple[str, Measurement]]:
    """The measurements that tell a goal, each behind what stands in its name for the goal's ``*``, or ``""``."""
    before, star, after = goal.figures.partition("*")
    found = [(f"{part.name}.{one.name}", one) for part in day.parts for one in part.measurements]
    return [
        (name[len(before) : len(name) - len(after)] if star else "", one)
        for name, one in found
        if fnmatchcase(name, goal.figures)
    ]


def without_a_number(days: Sequence[Results]) -> list[Goal]:
    """Goals that no day has measured."""
    return [goal for goal in GOALS if not any(figures_of(goal, day) for day in days)]
