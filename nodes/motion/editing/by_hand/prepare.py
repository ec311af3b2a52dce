"""What comes before poses and moves: people exchanged, spans repaired, missing joints shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...cleaning.repair import fill_gaps, repair
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
    """These spans as Smooth Motion's repair makes them, which looks at the whole clip.

    Of a joint that is named nothing in its span is believed: it goes from the frame before to the frame behind (see
    ``fill_gaps``). Where the clip begins or ends with the span, it stays as it is.
    """
    result = motion.keypoints.copy()
    by_person: dict[int, list[Repair]] = defaultdict(list)
    for edit in repairs:
        for person in range(motion.people)[chosen(edit.person - 1 if edit.person else ALL)]:
            by_person[person].append(edit)
    for person, theirs in by_person.items():
        if spans := [span(edit.first, edit.last) for edit in theirs if edit.joint is None]:
            whole = repair(motion.with_keypoints(motion.keypoints[:, [person]])).motion.keypoints[:, 0]
            for frames in spans:
                result[frames, person] = whole[frames]
        if doubts := [edit for edit in theirs if edit.joint is not None]:
            result[:, person] = _told_by_others(result[:, person], doubts)
    return result


def _told_by_others(keypoints: Keypoints, doubts: Sequence[Repair]) -> Keypoints:
    """One person's ``(frames, joints, 3)``, with what is doubted interpolated between the frames that are not."""
    doubted = np.zeros(keypoints.shape[:2], np.bool_)
    for edit in doubts:
        doubted[span(edit.first, edit.last), numbers(edit.joint or "", keypoints.shape[1])] = True
    filled = fill_gaps(np.where(doubted[..., None], np.float32(0), keypoints)[:, None], len(keypoints))[:, 0]
    return np.where((doubted & (filled[..., 2] > 0))[..., None], filled, keypoints)


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
