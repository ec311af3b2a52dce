"""What to change so that a clip costs no more than a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations, product
from typing import Any, TypeAlias

from ..economy.prices import dollars
from ..errors import InputError
from ..keyframes.uniform import every_nth
from .edit_work import Edit, Nets, Size, latent_size
from .estimate import Machine, gpu_seconds

EVERY = (4, 6, 8, 12)
STEPS = (20, 15, 12, 8)
FEW_STEPS = (6, 4)
"""Of models that are made for them."""

SIDES = (1024, 768, 640, 512, 384, 256)
"""Longer sides; only the two next smaller ones are tried, as the nets have to be counted at each."""

Step: TypeAlias = tuple[str, Callable[[Edit], Edit]]
"""A change in words, and what it makes of a job."""


@dataclass(frozen=True)
class Change:
    """Settings to change, and the dollars that a clip would then cost."""

    what: tuple[str, ...]
    dollars: float

    def __str__(self) -> str:
        return f"{' and '.join(self.what)} ({dollars(self.dollars)} per clip)"


@dataclass(frozen=True)
class Advice:
    """How to meet a budget.

    Attributes:
        budget: dollars per clip.
        dollars: that a clip costs as it is.
        single: every single change that helps, the cheapest first.
        chosen: what meets the budget with the fewest changes and, of these, gives up least; ``None`` if nothing has
            to change, or if nothing meets it.
        least: the fewest dollars that any combination reaches.
    """

    budget: float
    dollars: float
    single: tuple[Change, ...]
    chosen: Change | None
    least: float

    @property
    def is_met(self) -> bool:
        """As it is."""
        return self.dollars <= self.budget

    def __str__(self) -> str:
        budget = f"budget of {dollars(self.budget)} per clip"
        if self.is_met:
            return f"The {budget} is met: {dollars(self.dollars)}."
        if self.chosen is None:
            least = dollars(self.least)
            return f"The {budget} cannot be met on this GPU: the least that its settings reach is {least}."
        return f"To meet the {budget}: {self.chosen}."

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"is_met": self.is_met, "text": str(self)}


def advise(job: Edit, nets: Nets, machine: Machine, budget: float) -> Advice | None:
    """How a job can meet a budget in dollars per clip; ``None`` where seconds are not known.

    Raises:
        InputError: the budget is no number above 0.
    """
    if not 0 < budget < math.inf:
        raise InputError("budget", repr(budget), "a number of dollars above 0, or 0 for no budget")

    def cost_of(changed: Edit) -> float | None:
        seconds = gpu_seconds(changed, nets, machine)
        return None if seconds is None else seconds * machine.price / 3600 / len(job.clips)

    now = cost_of(job)
    if now is None:
        return None
    found = [Change(what, cost) for what, changed in _combinations(job) if (cost := cost_of(changed)) is not None]
    single = tuple(sorted((one for one in found if len(one.what) == 1 and one.dollars < now), key=lambda c: c.dollars))
    meeting = [one for one in found if one.dollars <= budget]
    chosen = min(meeting, key=lambda one: (len(one.what), -one.dollars), default=None)
    least = min((one.dollars for one in found), default=now)
    return Advice(budget, now, single, None if now <= budget else chosen, min(least, now))


def _combinations(job: Edit) -> Iterator[tuple[tuple[str, ...], Edit]]:
    """Every combination of changes that give up something for speed."""
    kinds = [list(changes) for changes in (_modes(job), _sizes(job), _every(job), _steps(job), _guidance(job))]
    for count in range(1, len(kinds) + 1):
        for chosen in combinations(kinds, count):
            for changes in product(*chosen):
                changed = job
                for _, apply in changes:
                    changed = apply(changed)
                yield tuple(what for what, _ in changes), changed


def _modes(job: Edit) -> Iterator[Step]:
    if job.mode == "dense":
        yield "mode hybrid", lambda job: replace(job, mode="hybrid")
    if job.mode in ("dense", "hybrid"):
        yield "mode sparse", lambda job: replace(job, mode="sparse")


def _steps(job: Edit) -> Iterator[Step]:
    for steps in (*STEPS, *(FEW_STEPS if job.is_distilled else ())):
        if job.mode is not None and steps < job.steps:
            yield f"{steps} steps", partial(_with_steps, steps)


def _guidance(job: Edit) -> Iterator[Step]:
    if job.mode is not None and job.is_distilled and job.cfg:
        yield "cfg 1", lambda job: replace(job, cfg=False)


def _with_steps(steps: int, job: Edit) -> Edit:
    return replace(job, steps=steps)


def _every(job: Edit) -> Iterator[Step]:
    for every in EVERY:
        fewer = sum(len(clip.plan.frames) for clip in _planned(every, job).clips)
        if job.mode is not None and fewer < sum(len(clip.plan.frames) for clip in job.clips):
            yield f"every {every}", partial(_planned, every)


def _planned(every: int, job: Edit) -> Edit:
    plans = (every_nth(c.plan.frame_count, c.plan.frame_rate, every, c.plan.cuts) for c in job.clips)
    return replace(job, clips=tuple(replace(c, plan=plan) for c, plan in zip(job.clips, plans, strict=True)))


def _sizes(job: Edit) -> Iterator[Step]:
    longest = max(max(clip.size) for clip in job.clips)
    for side in [side for side in SIDES if side < longest][:2]:
        yield f"size {side}", partial(_resized, side / longest)


def _resized(factor: float, job: Edit) -> Edit:
    def smaller(size: Size) -> Size:
        width, height = size
        return latent_size((round(width * factor), round(height * factor)))

    return replace(job, clips=tuple(replace(clip, size=smaller(clip.size)) for clip in job.clips))
