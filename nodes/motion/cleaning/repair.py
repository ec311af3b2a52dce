"""What a detector got wrong: exchanged sides, stray joints, and joints that were missed for a few frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from ...errors import InputError
from ..motion import BODY_JOINTS, HAND_JOINTS, Keypoints, Motion
from .outliers import find_outliers
from .swaps import undo_swaps

_SHOWN = 5  # gaps that a report names


@dataclass(frozen=True)
class RepairSettings:
    """What to repair.

    Attributes:
        mistakes: undo exchanged sides and drop stray joints.
        max_gap: seconds; joints that are missing for at most as long are interpolated. 0 fills nothing.
    """

    mistakes: bool = True
    max_gap: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.max_gap < float("inf"):
            raise InputError("max_gap", f"{self.max_gap:g} s", "0 s or more")


@dataclass(frozen=True)
class Gap:
    """Frames ``first`` to ``last`` in which a joint that was seen before and after is missing.

    ``person`` counts from 0; ``joint`` is a name such as ``"left_wrist"``.
    """

    person: int
    joint: str
    first: int
    last: int

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class RepairReport:
    """What was repaired, and what was left.

    Attributes:
        swaps: people x frames in which left and right were exchanged.
        outliers: stray joints that were dropped, each in one frame.
        filled: joints that were interpolated, each in one frame; dropped ones among them.
        gaps: what is still missing, the longest first.
    """

    swaps: int = 0
    outliers: int = 0
    filled: int = 0
    gaps: tuple[Gap, ...] = ()

    def as_text(self) -> str:
        """The report in a few lines; people count from 1."""
        lines = [
            f"Left and right exchanged: {self.swaps} (people x frames)",
            f"Stray joints dropped: {self.outliers} (joints x frames)",
            f"Filled: {self.filled} (joints x frames)",
            f"Gaps left empty: {len(self.gaps)}",
        ]
        lines += [
            f"  person {gap.person + 1}, {gap.joint.replace('_', ' ')}: frames {gap.first} to {gap.last}"
            for gap in self.gaps[:_SHOWN]
        ]
        return "\n".join([*lines, "  ..."] if len(self.gaps) > _SHOWN else lines)


@dataclass(frozen=True)
class Repaired:
    """A repaired motion and what was done to it."""

    motion: Motion
    report: RepairReport


def repair(motion: Motion, settings: RepairSettings = RepairSettings()) -> Repaired:
    """Undo swaps, drop outliers and fill short gaps, in this order.

    See ``undo_swaps``, ``find_outliers`` and ``fill_gaps``.
    Nothing is added before a joint's first or after its last sight, so people who come and go stay as long as they were
    seen.
    """
    swaps = outliers = 0
    if settings.mistakes:
        motion, swaps = undo_swaps(motion)
        strays = find_outliers(motion)
        outliers = int(strays.sum())
        motion = motion.with_keypoints(np.where(strays[..., None], np.float32(0), motion.keypoints))
    keypoints = fill_gaps(motion.keypoints, round(settings.max_gap * motion.frame_rate))
    filled = int(((keypoints[..., 2] > 0) & (motion.keypoints[..., 2] == 0)).sum())
    repaired = motion.with_keypoints(keypoints)
    return Repaired(repaired, RepairReport(swaps, outliers, filled, find_gaps(repaired)))


def find_gaps(motion: Motion) -> tuple[Gap, ...]:
    """Every run of frames in which a joint that was seen before and after is missing, the longest first."""
    missing = gap_lengths(motion.keypoints[..., 2] > 0) > 0
    edges = np.diff(np.pad(missing, ((1, 1), (0, 0), (0, 0))).astype(np.int8), axis=0)
    # Person and joint lead, so that the n-th start and the n-th end belong together.
    starts, ends = (np.argwhere(np.moveaxis(edges == sign, 0, -1)) for sign in (1, -1))
    gaps = [
        Gap(int(person), joint_name(int(joint)), int(first), int(end) - 1)
        for (person, joint, first), end in zip(starts, ends[:, 2], strict=True)
    ]
    return tuple(sorted(gaps, key=lambda gap: -gap.frames))


def gap_lengths(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """How long the gap is that a series ``(frames, …)`` is in, in each frame; 0 in none between two sights."""
    since, until = _frames_since(found), _frames_since(found[::-1])[::-1]
    return np.where((since > 0) & (until > 0), since + until - 1, 0)


def joint_name(joint: int) -> str:
    """Name of a joint 0..59, such as ``"left_wrist"`` or ``"right_hand_8"``."""
    if joint < len(BODY_JOINTS):
        return BODY_JOINTS[joint]
    hand, number = divmod(joint - len(BODY_JOINTS), HAND_JOINTS)
    return f"{('left', 'right')[hand]}_hand_{number}"


def fill_gaps(keypoints: Keypoints, max_gap: int) -> Keypoints:
    """Interpolate joints over gaps of at most ``max_gap`` frames.

    Position and confidence follow the piecewise cubic of Fritsch and Butland (PCHIP: SIAM J. Sci. Stat. Comput. 5(2),
    1984), which never leaves the range of the two frames around the gap. Longer gaps, and those before a joint's first
    or after its last frame, stay empty: nothing is extrapolated.

    Args:
        keypoints: ``(frames, people, joints, 3)``, confidence 0 marking a gap.
        max_gap: frames; 0 changes nothing.

    Returns:
        The same shape; frames in which a joint was found are untouched.
    """
    if keypoints.size == 0:
        return keypoints
    series = keypoints.reshape(len(keypoints), -1, 3)
    found = series[..., 2] > 0
    gaps = gap_lengths(found)
    wanted = (gaps > 0) & (gaps <= max_gap)
    filled = series.copy()
    for joint in np.flatnonzero(wanted.any(axis=0)):
        at, holes = np.flatnonzero(found[:, joint]), np.flatnonzero(wanted[:, joint])
        filled[holes, joint] = PchipInterpolator(at, series[at, joint].astype(np.float64))(holes)
    return filled.reshape(keypoints.shape)


def _frames_since(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Frames since each series ``(frames, …)`` was last found: 0 where it is, -1 where it has not been yet."""
    frames = np.arange(len(found)).reshape(-1, *(1,) * (found.ndim - 1))
    last = np.maximum.accumulate(np.where(found, frames, -1), axis=0)
    return np.where(last < 0, -1, frames - last)
