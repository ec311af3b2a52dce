"""Pictures of what a run will cost and has cost, as bars."""

from __future__ import annotations

import numpy as np

from ..motion.report.plot import FAINT, INK, PANEL, Colour, Picture, text_width, write
from ..opencv import cv2
from .estimate import Estimate
from .meter import StageCost
from .prices import dollars
from .report import Report

WIDTH = 768
_BACK: Colour = (22, 24, 29)
_NAIVE: Colour = (255, 158, 84)
_SAVED: Colour = (120, 220, 150)
_COSTS: Colour = (232, 120, 120)
_OURS: Colour = (86, 186, 255)
_CPU: Colour = (140, 150, 165)
_TOP, _ROW, _LEFT, _RIGHT = 96, 40, 230, 190
_LETTERS = 24  # of a name, left of its bar


def draw_savings(estimate: Estimate) -> Picture:
    """Draw the way from the naive pipeline to this one as a waterfall.

    Returns:
        RGB ``(height, WIDTH, 3)``.
    """
    steps = estimate.savings
    height = _TOP + _ROW * (len(steps) + 2) + 20
    canvas: Picture = np.full((height, WIDTH, 3), _BACK, np.uint8)
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
    bars += [("this workflow", 0.0, ours, _OURS)]
    for row, (name, start, end, colour) in enumerate(bars):
        _draw_bar(canvas, _TOP + row * _ROW, name, (start / most, end / most), colour)
        baseline, is_total = _TOP + row * _ROW + 24, row in (0, len(bars) - 1)
        write(canvas, _amount(estimate, end - start, is_total), (WIDTH - _RIGHT + 14, baseline), 0.5, INK)
        if not is_total:
            times = f"{steps[row - 1].factor:,.2f} x"
            write(canvas, times, (WIDTH - 24 - text_width(times, 0.45), baseline), 0.45, FAINT)
    return canvas


def draw_costs(report: Report) -> Picture:
    """Draw the seconds of every stage: what the GPU has done, what the CPU has done, what was spared.

    Returns:
        RGB ``(height, WIDTH, 3)``.
    """
    canvas: Picture = np.full((_TOP + _ROW * len(report.stages) + 20, WIDTH, 3), _BACK, np.uint8)
    write(canvas, "Cost Report", (24, 40), 0.9, INK, 2)
    money = f", {dollars(report.dollars)} at ${report.price:g}/h" if report.price else ""
    write(canvas, f"{report.seconds:.1f} s, {report.gpu_seconds:.1f} s on the GPU{money}", (24, 70), 0.5, FAINT)
    most = max((stage.seconds for stage in report.stages), default=0.0) or 1.0
    for row, stage in enumerate(report.stages):
        top = _TOP + row * _ROW
        colour = _CPU if stage.device == "cpu" else _OURS
        _draw_bar(canvas, top, _shortened(stage.stage), (0.0, stage.seconds / most), colour)
        write(canvas, _took(stage), (WIDTH - _RIGHT + 14, top + 24), 0.5, INK)
    return canvas


def _took(stage: StageCost) -> str:
    if stage.cached or stage.device == "-":
        return "cached"
    return f"{stage.seconds:.2f} s on the {'CPU' if stage.device == 'cpu' else 'GPU'}"


def _shortened(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 2]}.."


def _draw_bar(canvas: Picture, top: int, name: str, span: tuple[float, float], colour: Colour) -> None:
    write(canvas, name, (_LEFT - 14 - text_width(name, 0.5), top + 24), 0.5, INK)
    width = WIDTH - _LEFT - _RIGHT
    cv2.rectangle(canvas, (_LEFT, top + 5), (_LEFT + width, top + _ROW - 7), PANEL, cv2.FILLED)
    left, right = sorted(_LEFT + round(share * width) for share in span)
    cv2.rectangle(canvas, (left, top + 5), (max(right, left + 1), top + _ROW - 7), colour, cv2.FILLED)


def _amount(estimate: Estimate, seconds: float, is_total: bool) -> str:
    sign = "" if is_total else "-" if seconds >= 0 else "+"
    if estimate.price:
        return f"{sign}{dollars(abs(estimate.dollars_of(seconds) or 0))}"
    return f"{sign}{abs(seconds):,.1f} s"
