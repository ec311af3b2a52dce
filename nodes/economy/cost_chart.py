"""A picture of what a run has cost, as bars."""

from __future__ import annotations

import numpy as np

from ..metering.meter import StageCost
from ..motion.report.plot import FAINT, INK, PANEL, Colour, Picture, text_width, write
from ..opencv import cv2
from .prices import dollars
from .report import Report

WIDTH = 768
BACK: Colour = (22, 24, 29)
OURS: Colour = (86, 186, 255)
_CPU: Colour = (140, 150, 165)
_SPARED: Colour = (120, 220, 150)
TOP, ROW, LEFT, RIGHT = 96, 40, 230, 190
_LETTERS = 24  # of a name, left of its bar


def draw_costs(report: Report) -> Picture:
    """Draw the seconds of every stage: what the GPU has done, what the CPU has done, what was spared.

    Below stands which share of whole pictures was not generated, if any was not.

    Returns:
        RGB ``(height, WIDTH, 3)``.
    """
    spared = report.not_generated
    rows = len(report.stages) + (spared is not None)
    canvas: Picture = np.full((TOP + ROW * rows + 20, WIDTH, 3), BACK, np.uint8)
    write(canvas, "Cost Report", (24, 40), 0.9, INK, 2)
    money = f", {dollars(report.dollars)} at ${report.price:g}/h" if report.price else ""
    write(canvas, f"{report.seconds:.1f} s, {report.gpu_seconds:.1f} s on the GPU{money}", (24, 70), 0.5, FAINT)
    most = max((stage.seconds for stage in report.stages), default=0.0) or 1.0
    for row, stage in enumerate(report.stages):
        top = TOP + row * ROW
        colour = _CPU if stage.device == "cpu" else OURS
        draw_bar(canvas, top, _shortened(stage.stage), (0.0, stage.seconds / most), colour)
        write(canvas, _took(stage), (WIDTH - RIGHT + 14, top + 24), 0.5, INK)
    if spared is not None:
        top = TOP + len(report.stages) * ROW
        draw_bar(canvas, top, "not generated", (0.0, spared), _SPARED)
        write(canvas, f"{spared:.0%} of pictures", (WIDTH - RIGHT + 14, top + 24), 0.5, INK)
    return canvas


def _took(stage: StageCost) -> str:
    if stage.cached or stage.device == "-":
        return "cached"
    return f"{stage.seconds:.2f} s on the {'CPU' if stage.device == 'cpu' else 'GPU'}"


def _shortened(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 2]}.."


def draw_bar(canvas: Picture, top: int, name: str, span: tuple[float, float], colour: Colour) -> None:
    """Draw a row: a name, and behind it a bar from one share of the full length to another."""
    write(canvas, name, (LEFT - 14 - text_width(name, 0.5), top + 24), 0.5, INK)
    width = WIDTH - LEFT - RIGHT
    cv2.rectangle(canvas, (LEFT, top + 5), (LEFT + width, top + ROW - 7), PANEL, cv2.FILLED)
    left, right = sorted(LEFT + round(share * width) for share in span)
    cv2.rectangle(canvas, (left, top + 5), (max(right, left + 1), top + ROW - 7), colour, cv2.FILLED)
