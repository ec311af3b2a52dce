"""What comes before poses and moves: people exchanged, spans repaired, missing joints shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...cleaning.repair import repair
from ...limbs import interpolated, to_keypoints, to_points
from ...motion import ALL, Keypoints, Motion, chosen
from .edits import Repair, Show, Swap
from .joints import numbers


def swapped(keypoints: Keypoints, swaps: Sequence[Swap]) -> Keypoints:
    """Exchange people in the list; the earlier swap first."""
    result = keypoints.copy()
    for swap in sorted(swaps, key=lambda swap: (swap.first, swap.person, swap.other, swap.last or 0)):
        pair, frames = [swap.person - 1, swap.other - 1], span(swap.first, swap.last)
        result[frames, pair] = result[frames, pair[::-1]]
    return result


def repaired(motion: Motion, repairs: Sequence[Repair]) -> Keypoints:
    """These spans as Smooth Motion's repair makes them, which looks at the whole clip."""
    result = motion.keypoints.copy()
    by_person: dict[int, list[slice]] = defaultdict(list)
    for edit in repairs:
        for person in range(motion.people)[chosen(edit.person - 1 if edit.person else ALL)]:
            by_person[person].append(span(edit.first, edit.last))
    for person, spans in by_person.items():
        whole = repair(motion.with_keypoints(motion.keypoints[:, [person]])).motion.keypoints[:, 0]
        for frames in spans:
            result[frames, person] = whole[frames]
    return result


def shown(motion: Motion, shows: Sequence[Show]) -> Keypoints:
    """Missing joints where they would be: at their place to the joint they hang on, between the frames around.

    A joint that is never seen stays missing.
    """
    result = motion.keypoints.copy()
    by_person: dict[int, list[Show]] = defaultdict(list)
    for edit in shows:
        by_person[edit.person - 1].append(edit)
    for person, theirs in by_person.items():
        alone = motion.with_keypoints(motion.keypoints[:, [person]])
        found = alone.keypoints[..., 2] > 0
        filled = alone.keypoints.copy()
        filled[..., 2] = interpolated(alone.keypoints[..., 2].astype(np.complex128), found).real
        filled = to_keypoints(to_points(alone), filled, motion.width / motion.height)
        wanted = np.zeros_like(found)
        for edit in theirs:
            wanted[span(edit.first, edit.last), 0, numbers(edit.joint, found.shape[2])] = True
        result[:, [person]] = np.where((wanted & ~found)[..., None], filled, alone.keypoints)
    return result


def span(first: int, last: int | None) -> slice:
    """Frames ``first`` to ``last``, both included; to the end without a last."""
    return slice(first, None if last is None else last + 1)
