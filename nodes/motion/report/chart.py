"""The picture of a motion report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...opencv import cv2
from ..body import BONES, in_heights
from ..cleaning.repair import joint_name
from ..motion import Motion
from .plot import FAINT, GRID, INK, SHIFT, Box, Colour, Picture, draw_axes, draw_curve, draw_panel, text_width, write
from .quality import MotionQuality, Quality, measure
from .troubles import find_troubles

WIDTH, HEIGHT = 1280, 1100

_BACK: Colour = (22, 24, 29)
_BEFORE: Colour = (255, 158, 84)
_AFTER: Colour = (86, 186, 255)
_EMPTY: Colour = (120, 44, 52)
_TROUBLE: Colour = (255, 96, 96)
_GHOST: Colour = (92, 97, 110)
_SIDES: dict[str, Colour] = {"left": (120, 220, 150), "right": (232, 120, 190)}

_MARGIN, _LABELS = 28, 64
_CURVES = (4, 7, 10, 13, 0)  # wrists, ankles, nose: what moves most shows most
_SHOWN_CURVES = 3
_SHOWN_SECONDS = 10.0
_SKELETONS = 10


def draw_report(motion: Motion, before: Motion | None = None) -> Picture:
    """Draw a motion's measurements, curves, coverage and skeletons, and where given those of the motion before.

    Args:
        motion: what to report on.
        before: the same clip before it was edited; of any length, rate and number of people.

    Returns:
        RGB ``(HEIGHT, WIDTH, 3)``.
    """
    canvas = np.full((HEIGHT, WIDTH, 3), _BACK, np.uint8)
    quality, earlier = measure(motion), measure(before) if before else None
    _draw_title(canvas, motion, quality, before is not None)
    _draw_numbers(canvas, (_MARGIN, 92, WIDTH - 2 * _MARGIN, 92), quality.whole, earlier.whole if earlier else None)
    motions = [before, motion] if before else [motion]
    colours = [_BEFORE, _AFTER] if before else [_AFTER]
    _draw_curves(canvas, (_MARGIN, 196, WIDTH - 2 * _MARGIN, 492), motions, colours)
    _draw_coverage(canvas, (_MARGIN, 700, WIDTH - 2 * _MARGIN, 96), motion)
    _draw_skeletons(canvas, (_MARGIN, 808, WIDTH - 2 * _MARGIN, 264), motion, before)
    return canvas


def _draw_title(canvas: Picture, motion: Motion, quality: MotionQuality, compared: bool) -> None:
    write(canvas, "Motion Report", (_MARGIN, 46), 1.0, INK, 2)
    people = len(quality.people)
    seconds = motion.frame_count / float(motion.frame_rate)
    facts = (
        f"{people} {'person' if people == 1 else 'people'}, {motion.frame_count} frames, {seconds:.1f} s at "
        f"{float(motion.frame_rate):g} frames/s, {motion.width} x {motion.height}"
    )
    write(canvas, facts, (_MARGIN, 76), 0.5, FAINT)
    legend = [("before", _BEFORE), ("after", _AFTER)] if compared else [("this motion", _AFTER)]
    left = WIDTH - _MARGIN - sum(text_width(name, 0.55) + 62 for name, _ in legend)
    for name, colour in legend:
        left += 22
        cv2.line(canvas, (left, 44), (left + 28, 44), colour, 3, cv2.LINE_AA)
        write(canvas, name, (left + 36, 50), 0.55, INK)
        left += 40 + text_width(name, 0.55)


def _draw_numbers(canvas: Picture, box: Box, quality: Quality, earlier: Quality | None) -> None:
    tiles = (
        ("jitter", "% of body", "jitter", 100, 2),
        ("bone length variation", "% a frame", "bone_length_variation", 100, 1),
        ("foot slide", "% of body/s", "foot_slide", 100, 1),
        ("stray joints", "", "outliers", 1, 0),
        ("gaps", "", "gaps", 1, 0),
        ("coverage", "%", "coverage", 100, 1),
    )
    left, top, width, height = box
    step = (width + 12) // len(tiles)
    for index, (name, unit, field, scale, digits) in enumerate(tiles):
        tile = (left + index * step, top, step - 12, height)
        draw_panel(canvas, tile)
        write(canvas, name, (tile[0] + 14, top + 24), 0.47, FAINT)
        now = _number(getattr(quality, field), scale, digits)
        write(canvas, now, (tile[0] + 14, top + 60), 0.85, INK, 2)
        write(canvas, unit, (tile[0] + 22 + text_width(now, 0.85, 2), top + 60), 0.42, FAINT)
        if earlier is not None:
            was = _number(getattr(earlier, field), scale, digits)
            write(canvas, f"before {was}", (tile[0] + 14, top + 81), 0.42, _BEFORE)


def _draw_curves(canvas: Picture, box: Box, motions: Sequence[Motion], colours: Sequence[Colour]) -> None:
    left, top, width, height = box
    after = motions[-1]
    joints = _liveliest(after)
    draw_panel(canvas, box)
    if not joints:
        write(canvas, "No joint was found.", (left + 16, top + 34), 0.55, FAINT)
        return
    person = joints[0][0]
    first, last = _liveliest_seconds(after, joints)
    row = (height - 24) // _SHOWN_CURVES
    for index, (_, joint) in enumerate(joints):
        plot = (left + _LABELS, top + 34 + index * row, width - _LABELS - 16, row - 38)
        curves = [_curve(motion, person, joint, first, last) for motion in motions]
        known = np.concatenate([curve[:, 1] for curve in curves])
        known = known[np.isfinite(known)]
        if not known.size:
            continue
        low, high = np.quantile(known, (0.002, 0.998)) if known.size > 50 else (known.min(), known.max())
        middle, half = (low + high) / 2, max(0.62 * (high - low), 0.02)
        name = f"{joint_name(joint).replace('_', ' ')}: y in % of the frame's height"
        write(canvas, name + (f" (person {person + 1})" if after.people > 1 else ""), (plot[0], plot[1] - 9), 0.47, INK)
        draw_axes(canvas, plot, (first, last), (middle - half, middle + half), index == len(joints) - 1)
        for curve, colour in zip(curves, colours, strict=True):
            draw_curve(canvas, plot, curve, (first, last), (middle - half, middle + half), colour)


def _liveliest(motion: Motion) -> list[tuple[int, int]]:
    """Person and joints ``(person, joint)`` whose curves show most: of the person seen most, what moves most."""
    found = motion.keypoints[..., 2] > 0
    if not found.any():
        return []
    person = int(found.sum(axis=(0, 2)).argmax())
    spread = {}
    for joint in _CURVES:
        there = found[:, person, joint]
        spread[joint] = float(motion.keypoints[there, person, joint, 1].std()) if there.any() else -1.0
    chosen = sorted(spread, key=lambda joint: -spread[joint])[:_SHOWN_CURVES]
    return [(person, joint) for joint in chosen if spread[joint] >= 0]


def _liveliest_seconds(motion: Motion, joints: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Start and end of the time in which those joints move most, so that long clips stay legible."""
    rate = float(motion.frame_rate)
    shown = max(_SHOWN_SECONDS, 1 / rate)
    frames = max(int(shown * rate), 1)
    if motion.frame_count <= frames:
        return 0.0, max(motion.frame_count - 1, 1) / rate
    moves = np.zeros(motion.frame_count)
    for person, joint in joints:
        there = motion.keypoints[:, person, joint, 2] > 0
        moves[1:] += np.abs(np.diff(motion.keypoints[:, person, joint, 1])) * (there[1:] & there[:-1])
    total = np.concatenate(([0], np.cumsum(moves)))
    start = int((total[frames:] - total[:-frames]).argmax()) / rate
    return start, start + shown


def _curve(motion: Motion, person: int, joint: int, first: float, last: float) -> npt.NDArray[np.float64]:
    """Seconds and y ``(frames, 2)``, NaN where the joint is missing."""
    seconds = np.arange(motion.frame_count) / float(motion.frame_rate)
    if person >= motion.people:
        return np.empty((0, 2))
    point = motion.keypoints[:, person, joint].astype(np.float64)
    y = np.where(point[:, 2] > 0, point[:, 1], np.nan)
    inside = (seconds >= first - 1e-9) & (seconds <= last + 1e-9)
    return np.stack((seconds, y), axis=1)[inside]


def _draw_coverage(canvas: Picture, box: Box, motion: Motion) -> None:
    """One bar per person: how many joints were found in each moment of the clip, and in which there are troubles."""
    left, top, width, height = box
    draw_panel(canvas, box)
    title = "joints found, over the whole clip (dark red: person not seen)"
    write(canvas, title, (left + 16, top + 22), 0.47, INK)
    marks = "jumps, bones that change, swapped sides, sliding feet"
    write(canvas, marks, (left + 40 + text_width(title, 0.47), top + 22), 0.47, _TROUBLE)
    found = (motion.keypoints[..., 2] > 0).mean(axis=2)
    bar, span = (height - 40) // max(motion.people, 1), width - _LABELS - 16
    if motion.frame_count == 0:
        return
    # Where joints are missing shows in the bar itself.
    troubles = [trouble for trouble in find_troubles(motion) if trouble.kind not in ("gap", "unsure")]
    columns = np.arange(span) * motion.frame_count // span
    for person in range(motion.people):
        share = found[columns, person][:, None]
        shades = np.where(share > 0, GRID + share * (np.array(_AFTER) - GRID), _EMPTY)
        y = top + 32 + person * bar
        canvas[y : y + max(bar - 4, 1), left + _LABELS : left + _LABELS + span] = shades.astype(np.uint8)
        for trouble in troubles:
            if trouble.person == person + 1:
                ends = (frame * span // motion.frame_count for frame in (trouble.first, trouble.last + 1))
                first, end = (left + _LABELS + end for end in ends)
                canvas[y : y + max((bar - 4) // 4, 1), first : max(end, first + 1)] = _TROUBLE
        if bar >= 14:
            write(canvas, f"P{person + 1}", (left + 20, y + bar // 2 + 3), 0.42, FAINT)


def _draw_skeletons(canvas: Picture, box: Box, motion: Motion, before: Motion | None) -> None:
    """Everyone, at moments spread over the clip, all at one scale; behind them in grey what they were before."""
    left, top, width, height = box
    draw_panel(canvas, box)
    write(canvas, "poses", (left + 16, top + 22), 0.47, INK)
    legend = {**_SIDES, **({"before": _GHOST} if before else {})}
    for index, (name, colour) in enumerate(legend.items()):
        write(canvas, name, (left + 80 + 60 * index, top + 22), 0.47, colour)
    found = motion.keypoints[..., 2] > 0
    if not found.any():
        return
    frames = np.unique(np.linspace(0, motion.frame_count - 1, _SKELETONS).round().astype(int))
    points = in_heights(motion.keypoints, motion.width / motion.height)
    low, high = np.quantile(points[found], (0.002, 0.998), axis=0)
    tile = width // len(frames)
    scale = min((tile - 16) / max(high[0] - low[0], 0.05), (height - 84) / max(high[1] - low[1], 0.05))
    for index, frame in enumerate(frames):
        seconds = frame / float(motion.frame_rate)
        centre = left + int((index + 0.5) * tile)
        origin = np.array((centre, top + height / 2)) - scale * (low + high) / 2
        if before:
            _draw_people(canvas, before, round(seconds * float(before.frame_rate)), scale, origin, ghosts=True)
        _draw_people(canvas, motion, int(frame), scale, origin, ghosts=False)
        text = f"{seconds:.1f} s"
        write(canvas, text, (centre - text_width(text, 0.42) // 2, top + height - 12), 0.42, FAINT)


def _draw_people(
    canvas: Picture,
    motion: Motion,
    frame: int,
    scale: float,
    origin: npt.NDArray[np.float64],
    ghosts: bool,
) -> None:
    """Draw one frame's bodies, a frame height ``scale`` pixels high, in the colours of their sides or all in grey."""
    if frame >= motion.frame_count:
        return
    points = in_heights(motion.keypoints[frame], motion.width / motion.height) * scale + origin
    pixels = np.round(np.clip(points, -4096, 4096) * 2**SHIFT).astype(int)
    for person, found in zip(pixels, motion.keypoints[frame, ..., 2] > 0, strict=True):
        for parent, child in BONES:
            if found[parent] and found[child]:
                colour = _GHOST if ghosts else _SIDES.get(joint_name(child).partition("_")[0], INK)
                cv2.line(canvas, person[parent].tolist(), person[child].tolist(), colour, 2, cv2.LINE_AA, SHIFT)


def _number(value: float | None, scale: float, digits: int) -> str:
    return "-" if value is None else f"{value * scale:.{digits}f}"
