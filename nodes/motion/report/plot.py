"""What a chart is drawn with: text, panels, axes and lines on an RGB picture."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...opencv import cv2

Picture: TypeAlias = npt.NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]
Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""

PANEL: Colour = (32, 35, 42)
GRID: Colour = (56, 60, 70)
INK: Colour = (232, 234, 238)
FAINT: Colour = (152, 158, 170)

SHIFT = 4
"""Bits of a pixel that OpenCV draws to."""


def draw_axes(
    canvas: Picture, plot: Box, times: tuple[float, float], values: tuple[float, float], labelled: bool
) -> None:
    """Draw a grid with values in percent, growing downwards as in a frame, and where ``labelled`` with seconds."""
    left, top, width, height = plot
    for value in round_steps(*values, 4):
        y = top + round((value - values[0]) / (values[1] - values[0]) * height)
        cv2.line(canvas, (left, y), (left + width, y), GRID, 1)
        text = f"{100 * value:.0f}" if values[1] - values[0] > 0.05 else f"{100 * value:.1f}"
        write(canvas, text, (left - 10 - text_width(text, 0.42), y + 5), 0.42, FAINT)
    for time in round_steps(*times, 10):
        x = left + round((time - times[0]) / (times[1] - times[0]) * width)
        cv2.line(canvas, (x, top), (x, top + height), GRID, 1)
        text = f"{time:g} s"
        if labelled:
            write(canvas, text, (x - text_width(text, 0.42) // 2, top + height + 18), 0.42, FAINT)


def draw_curve(
    canvas: Picture,
    plot: Box,
    curve: npt.NDArray[np.float64],
    times: tuple[float, float],
    values: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw each run of known points as one line, a lone point as a dot."""
    left, top, width, height = plot
    view = canvas[top : top + height, left : left + width]
    ranges = np.array((times, values))
    points = (curve - ranges[:, 0]) / (ranges[:, 1] - ranges[:, 0]) * (width, height)
    known = np.isfinite(points[:, 1])
    for run in np.split(np.arange(len(points)), np.flatnonzero(np.diff(known.astype(np.int8))) + 1):
        if run.size and known[run[0]]:
            line = np.round(points[run] * 2**SHIFT).astype(np.int32)
            cv2.polylines(
                view, [np.repeat(line, 2, axis=0) if len(run) == 1 else line], False, colour, 2, cv2.LINE_AA, SHIFT
            )


def draw_panel(canvas: Picture, box: Box) -> None:
    """Fill the ground that a part of the chart stands on."""
    left, top, width, height = box
    cv2.rectangle(canvas, (left, top), (left + width, top + height), PANEL, cv2.FILLED)


def round_steps(low: float, high: float, count: int) -> npt.NDArray[np.float64]:
    """Round numbers between ``low`` and ``high``, about ``count`` of them."""
    rough = (high - low) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda nice: abs(nice * power - rough))
    return np.asarray(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step)


def write(canvas: Picture, text: str, at: tuple[int, int], size: float, colour: Colour, weight: int = 1) -> None:
    """Write a line whose baseline begins at ``at``."""
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, weight, cv2.LINE_AA)


def text_width(text: str, size: float, weight: int = 1) -> int:
    """Width in pixels of a line that ``write`` would write."""
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, weight)[0][0])
