"""The keys of one joint as a smooth course over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicHermiteSpline
from scipy.linalg import solve_banded

from .edits import Move, Pose

Frames: TypeAlias = npt.NDArray[np.intp]
Mask: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.complex128]

_END = -1
"""Instead of the number of a key: where a span ends."""

_OUTSIDE = 2
"""Frames outside a span that tell how things go on there."""


@dataclass(frozen=True, eq=False)
class Knots:
    """The keys of a track and the ends of their spans, by rising frame.

    Keys whose spans meet follow each other; where they do not, the ends of both spans lie between them.

    Attributes:
        frames: ``(knots,)``; ends may lie outside the clip.
        keys: number of the key at each knot, -1 at an end.
    """

    frames: Frames
    keys: Frames

    def segments(self, frames: Frames) -> Frames:
        """The segment of each frame: of the last knot at or before it; -1 before the first, none behind the last."""
        return np.searchsorted(self.frames, frames, side="right") - 1

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First and last frame of each run."""
        return [(int(self.frames[start]), int(self.frames[stop])) for start, stop in self.runs]

    @property
    def runs(self) -> list[tuple[int, int]]:
        """First and last knot of each run of keys that are connected; what lies between runs is not changed."""
        ends = np.flatnonzero(self.keys == _END)
        return list(zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True))


def knots(keys: Sequence[Move | Pose]) -> Knots:
    """The knots of keys that are sorted by frame, one at most per frame."""
    frames, numbers = [keys[0].frame - keys[0].before], [_END]
    for number, key in enumerate(keys):
        frames.append(key.frame)
        numbers.append(number)
        if number + 1 < len(keys):
            following = keys[number + 1]
            if key.after + following.before >= following.frame - key.frame:
                continue
            frames += [key.frame + key.after, following.frame - following.before]
            numbers += [_END, _END]
    return Knots(np.array([*frames, keys[-1].frame + keys[-1].after]), np.array([*numbers, _END]))


def by_track(moves: Sequence[Move]) -> dict[tuple[int, str], Track]:
    """Tracks by person, from 0, and joint. Of two keys at one frame the later counts."""
    found: dict[tuple[int, str], dict[int, Move]] = defaultdict(dict)
    for move in moves:
        found[move.person - 1, move.joint][move.frame] = move
    return {track: Track.of([keys[frame] for frame in sorted(keys)]) for track, keys in found.items()}


@dataclass(frozen=True, eq=False)
class Track:
    """How one joint of one person is moved.

    Attributes:
        keys: sorted by frame, of different frames.
        knots: of these keys.
    """

    keys: tuple[Move, ...]
    knots: Knots

    @classmethod
    def of(cls, keys: Sequence[Move]) -> Track:
        return cls(tuple(keys), knots(keys))

    @property
    def replaces(self) -> bool:
        """Whether any key replaces what was found."""
        return any(key.replace for key in self.keys)

    def needs(self) -> list[tuple[int, int, Frames]]:
        """Frames that others depend on: for ``first`` to ``last`` (inclusive) the frames in the third place."""
        if not self.replaces:
            return []
        result = []
        for start, stop in self.knots.runs:
            at = self.knots.frames[start : stop + 1]
            outward = np.arange(1, _OUTSIDE + 1)
            result.append((int(at[0]), int(at[-1]), np.array([*at, *(at[0] - outward), *(at[-1] + outward)])))
        return result

    def offsets(self, frames: Frames, aspect: float) -> Places:
        """How far the joint is moved, in frame heights; 0 outside the spans.

        Args:
            frames: rising.
            aspect: the frame's width over its height.
        """
        is_key = self.knots.keys != _END
        values, slopes = (np.zeros(len(is_key), np.complex128) for _ in range(2))
        values[is_key] = [_complex(key.by, aspect) for key in self.keys]
        slopes[is_key] = [_complex(key.slope or (0, 0), aspect) for key in self.keys]
        inside = (frames > self.knots.frames[0]) & (frames < self.knots.frames[-1])
        result = np.zeros(len(frames), np.complex128)
        course = CubicHermiteSpline(self.knots.frames, _plane(values), _plane(slopes))
        result[inside] = course(frames[inside]) @ (1, 1j)
        return result

    def marked(self, frames: Frames, field: str) -> Mask:
        """Where both ends of a segment have a mark such as ``stretch``, or the key of a fade, or the key that is there.

        Args:
            frames: rising.
            field: name of a field of ``Move`` that is true or false.
        """
        marks = np.array([getattr(key, field) for key in self.keys])
        of_knot = np.where(self.knots.keys == _END, True, marks[np.maximum(self.knots.keys, 0)])
        segment = self.knots.segments(frames)
        inside = (segment >= 0) & (segment < len(of_knot) - 1)
        here = np.clip(segment, 0, len(of_knot) - 2)
        result = inside & of_knot[here] & of_knot[here + 1]
        at_key = inside & (self.knots.frames[here] == frames) & (self.knots.keys[here] != _END)
        return np.where(at_key, of_knot[here], result)


def between_ends(
    track: Track, frames: Frames, values: npt.NDArray[Any], known: Mask, smooth: bool = False
) -> npt.NDArray[np.complex128]:
    """A value inside each run of keys, from one end of its span to the other.

    Args:
        frames: rising.
        values, known: ``(frames,)``.
        smooth: not on a straight line, but leaving the ends as fast as the value changes outside. That is taken over
            two frames, as it is used over many: the noise of one would grow to several times as much.

    Returns:
        0 outside, and in runs of which an end is not known or not among the frames.
    """
    result = np.zeros(len(frames), np.complex128)
    for start, stop in track.knots.spans:
        at = np.array((start, stop))
        ends, are_known = _at(frames, values, known, at)
        if not are_known.all():
            continue
        slopes = np.full(2, (ends[1] - ends[0]) / (stop - start))
        if smooth:
            outward = np.array((-_OUTSIDE, _OUTSIDE))
            outside, has_outside = _at(frames, values, known, at + outward)
            slopes = np.where(has_outside, (outside - ends) / outward, slopes)
        inside = slice(*(np.searchsorted(frames, at) + (1, 0)))
        result[inside] = CubicHermiteSpline(at, _plane(ends), _plane(slopes))(frames[inside]) @ (1, 1j)
    return result


def replaced(track: Track, frames: Frames, places: Places, seen: Mask, aspect: float) -> tuple[Places, Mask]:
    """Where the joint goes in segments that replace what was found: a smooth way through keys and ends of spans.

    The way is a cubic spline that leaves a span's end with the speed the joint has outside; a key's ``slope`` is the
    speed there. A segment whose end lies outside the clip, or where the joint is missing there, replaces nothing.

    Args:
        frames: rising, one at least; knots that are not among them are taken for missing.
        places, seen: of the joint in these frames, before this track is applied.
        aspect: the frame's width over its height.

    Returns:
        Places, and where they count.
    """
    at, keys = track.knots.frames, track.knots.keys

    def there(wanted: Frames) -> tuple[Places, Mask]:
        return _at(frames, places, seen, wanted)

    found, known = there(at)
    is_key = keys != _END
    good = known & np.append(True, [key.replace for key in track.keys])[keys + 1]
    knot_places = found + np.append(0, [_complex(key.by, aspect) for key in track.keys])[keys + 1]
    linked = good[1:] & good[:-1] & (is_key[1:] | is_key[:-1])
    slopes = [track.keys[key].slope if key != _END else None for key in keys]
    speeds = np.array([None if slope is None else _complex(slope, aspect) for slope in slopes], object)
    for start, stop in track.knots.runs:
        speeds[start] = _speed(there, at[start], -1) if linked[start] else None
        speeds[stop] = _speed(there, at[stop], 1) if linked[stop - 1] else None
    path = CubicHermiteSpline(at, _plane(knot_places), _plane(_speeds(at, knot_places, linked, speeds)))
    segment = np.clip(track.knots.segments(frames), 0, len(linked) - 1)
    # The ends of spans themselves are left alone.
    counts = linked[segment] & (frames > at[segment] - is_key[segment]) & (frames < at[segment + 1])
    return np.where(counts, path(frames) @ (1, 1j), places), counts


def _at(frames: Frames, values: npt.NDArray[Any], known: Mask, wanted: Frames) -> tuple[npt.NDArray[Any], Mask]:
    """Values in some frames, and whether they are known there."""
    row = np.minimum(np.searchsorted(frames, wanted), len(frames) - 1)
    return values[row], (frames[row] == wanted) & known[row]


def _complex(shift: tuple[float, float], aspect: float) -> complex:
    return complex(shift[0] * aspect, shift[1])


def _speeds(at: Frames, places: Places, linked: Mask, known: npt.NDArray[np.object_]) -> Places:
    """Speeds at knots that make the way through them twice differentiable (the system behind every cubic spline).

    Args:
        at, places: of the knots.
        linked: whether a knot's way leads to the next; each chain of knots is a way of its own, straight at its ends.
        known: the speed at a knot, where it is given.
    """
    step = np.diff(at).astype(np.float64)
    secant = np.diff(places) / step
    # Each knot's row: weights of its neighbours; without one on a side that side drops out.
    left = np.append(0, linked / step)
    right = np.append(linked / step, 0)
    goal = 3 * (left * np.append(0, secant) + right * np.append(secant, 0))
    bands = np.stack((np.append(0, right[:-1]), 2 * (left + right), np.append(left[1:], 0)))
    fixed = np.array([speed is not None for speed in known]) | (bands[1] == 0)
    bands[1, fixed], goal[fixed] = 1, [speed or 0 for speed in known[fixed]]
    bands[0, 1:][fixed[:-1]] = 0
    bands[2, :-1][fixed[1:]] = 0
    return np.asarray(solve_banded((1, 1), bands, goal))


def _speed(there: Callable[[Frames], tuple[Places, Mask]], end: int, outward: int) -> complex | None:
    """Places per frame at the end of a span, from up to three frames outside it; ``None`` where too few are seen."""
    (here, near, far), (_, has_near, has_far) = there(end + outward * np.arange(3))
    if not has_near:
        return None
    return complex(outward * ((4 * near - 3 * here - far) / 2 if has_far else near - here))


def _plane(places: Places | complex) -> npt.NDArray[np.float64]:
    """``(…, 2)``: x and y."""
    values = np.asarray(places)
    return np.stack((values.real, values.imag), axis=-1)
