"""A picture of what a run will cost, and of what each saving contributes."""

from __future__ import annotations

import numpy as np

from ..economy.cost_chart import BACK, OURS, RIGHT, ROW, TOP, WIDTH, draw_bar
from ..economy.prices import dollars
from ..motion.report.plot import FAINT, INK, Colour, Picture, text_width, write
from .estimate import Estimate

_NAIVE: Colour = (255, 158, 84)
_SAVED: Colour = (120, 220, 150)
_COSTS: Colour = (232, 120, 120)


def draw_savings(estimate: Estimate) -> Picture:
    """Draw the way from the naive pipeline to this one as a waterfall.

    Returns:
        RGB ``(height, WIDTH, 3)``.
    """
    steps = estimate.savings
    height = TOP + ROW * (len(steps) + 2) + 20
    canvas: Picture = np.full((height, WIDTH, 3), BACK, np.uint8)
    write(canvas, "Cost Estimate", (24, 40), 0.9, INK, 2)
    naive, ours = estimate.naive_seconds, estimate.seconds
    if naive is None or ours is None:
        write(canvas, "Not known: choose a GPU, or run once on this machine.", (24, 76), 0.5, FAINT)
        return canvas
    unit = "dollars" if estimate.price else "GPU seconds"
    clips = f"{estimate.clips} clip{'s' * (estimate.clips != 1)}"
    times = f", {naive / ours:,.1f} times less than naive" if ours else ""
    write(canvas, f"{clips}, {estimate.video_seconds:.1f} s of video; {unit}{times}", (24, 70), 0.5, FAINT)
    most = max([naive, ours, *(max(step.before, step.after) for step in steps)]) or 1.0
    bars = [("naive", 0.0, naive, _NAIVE)]
    bars += [(step.name, step.after, step.before, _SAVED if step.seconds > 0 else _COSTS) for step in steps]
    bars += [("this workflow", 0.0, ours, OURS)]
    for row, (name, start, end, colour) in enumerate(bars):
        draw_bar(canvas, TOP + row * ROW, name, (start / most, end / most), colour)
        baseline, is_total = TOP + row * ROW + 24, row in (0, len(bars) - 1)
        write(canvas, _amount(estimate, end - start, is_total), (WIDTH - RIGHT + 14, baseline), 0.5, INK)
        if not is_total:
            times = f"{steps[row - 1].factor:,.2f} x"
            write(canvas, times, (WIDTH - 24 - text_width(times, 0.45), baseline), 0.45, FAINT)
    return canvas


def _amount(estimate: Estimate, seconds: float, is_total: bool) -> str:
    sign = "" if is_total else "-" if seconds >= 0 else "+"
    if estimate.price:
        return f"{sign}{dollars(abs(estimate.dollars_of(seconds) or 0))}"
    return f"{sign}{abs(seconds):,.1f} s"
