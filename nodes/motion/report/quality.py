"""How good a motion is, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..body import ANKLES, BONES, in_heights
from ..cleaning.outliers import Lengths, Mask, body_sizes, find_outliers
from ..cleaning.repair import find_gaps
from ..editing.feet import contacts
from ..motion import Motion


@dataclass(frozen=True)
class Quality:
    """Measurements of one person, or means over all (sums of counts). None: too little was seen to measure.

    Attributes:
        coverage: share 0..1 of joints x frames that were found.
        jitter: mean absolute third difference of the joints' x and y, in body sizes per frame cubed.
        bone_length_variation: mean change of a bone's length from one frame to the next, as a share of its median.
            Turning towards the camera changes lengths too, but slowly.
        foot_slide: mean speed of the ankle of a foot that stands, in body sizes per second; see ``feet.contacts``.
        outliers: stray joints, each in one frame; see ``find_outliers``.
        gaps: runs of frames in which a joint that was seen before and after is missing.
        longest_gap: frames of the longest of them.
    """

    coverage: float
    jitter: float | None
    bone_length_variation: float | None
    foot_slide: float | None
    outliers: int
    gaps: int
    longest_gap: int


@dataclass(frozen=True)
class MotionQuality:
    """Measurements of a motion: everyone together, and each person who was seen.

    Attributes:
        frames, frame_rate: of the clip; frames per second.
        whole: everyone together.
        people: by number, from 0; who was never seen is left out.
    """

    frames: int
    frame_rate: float
    whole: Quality
    people: dict[int, Quality]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it; people count from 1."""
        people = {str(person + 1): asdict(quality) for person, quality in self.people.items()}
        return {"frames": self.frames, "frame_rate": self.frame_rate, "whole": asdict(self.whole), "people": people}


def measure(motion: Motion) -> MotionQuality:
    """Measure a motion. Any motion can be measured, even one without frames or people."""
    found = motion.keypoints[..., 2] > 0
    positions = in_heights(motion.keypoints, motion.width / motion.height) / body_sizes(motion)[:, None, None]
    strays, gaps = find_outliers(motion), find_gaps(motion)
    jitter = third_differences(positions, found)
    bones = bone_lengths(motion).changes()
    slides = _slides(positions, found, contacts(motion), float(motion.frame_rate))

    def quality(people: list[int]) -> Quality:
        theirs = [gap for gap in gaps if gap.person in people]
        return Quality(
            float(found[:, people].mean()) if found[:, people].size else 0.0,
            _mean(jitter[:, people]),
            _mean(bones[:, people]),
            _mean(slides[:, people]),
            int(strays[:, people].sum()),
            len(theirs),
            max((gap.frames for gap in theirs), default=0),
        )

    seen = [int(person) for person in np.flatnonzero(found.any(axis=(0, 2)))]
    return MotionQuality(
        motion.frame_count, float(motion.frame_rate), quality(seen), {person: quality([person]) for person in seen}
    )


def third_differences(positions: Lengths, found: Mask) -> Lengths:
    """Absolute third differences ``(frames, people, joints, 2)``, NaN where one of their four frames is missing."""
    if len(found) < 4:
        return np.full((0, *positions.shape[1:]), np.nan)
    whole = found[:-3] & found[1:-2] & found[2:-1] & found[3:]
    return np.where(whole[..., None], np.abs(np.diff(positions, n=3, axis=0)), np.nan)


@dataclass(frozen=True)
class BoneLengths:
    """How long the bones of ``body.BONES`` are, in frame heights.

    Attributes:
        lengths: ``(frames, people, bones)``, NaN where an end is missing.
        usual: their medians ``(people, bones)``, NaN for one that was never seen.
    """

    lengths: Lengths
    usual: Lengths

    def changes(self) -> Lengths:
        """From one frame to the next, as shares of the median: ``(frames - 1, people, bones)``, NaN where unknown."""
        return np.asarray(np.abs(np.diff(self.lengths, axis=0)) / np.where(self.usual > 0, self.usual, np.nan))


def bone_lengths(motion: Motion) -> BoneLengths:
    """Measure the bones in every frame."""
    positions, found = in_heights(motion.keypoints, motion.width / motion.height), motion.keypoints[..., 2] > 0
    parents, children = np.array(BONES).T
    lengths = np.linalg.norm(positions[:, :, children] - positions[:, :, parents], axis=-1)
    lengths[~(found[:, :, children] & found[:, :, parents])] = np.nan
    usual = np.full(lengths.shape[1:], np.nan)
    for person, bone in np.argwhere(np.isfinite(lengths).any(axis=0)):
        usual[person, bone] = np.nanmedian(lengths[:, person, bone])
    return BoneLengths(lengths, usual)


def _slides(positions: Lengths, found: Mask, stands: Mask, frame_rate: float) -> Lengths:
    """Speeds of the ankles ``(frames, people, 2)``, NaN where the foot does not stand or is missing."""
    there = stands & found[:, :, ANKLES]
    speeds = np.linalg.norm(np.diff(positions[:, :, ANKLES], axis=0), axis=-1) * frame_rate
    return np.where(there[1:] & there[:-1], speeds, np.nan)


def _mean(values: Lengths) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
