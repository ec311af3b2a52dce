"""Applying edits that were made by hand.

The order is fixed, whatever the order of the list: people exchanged, spans repaired, joints shown, poses, moves,
mirrored spans, joints hidden; then time, and last the people who stay. What no edit touches stays equal to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....errors import InputError
from ...motion import Motion
from ..timing import resample
from .checks import Note, Plan, checked, checked_there
from .cuts import joined
from .edits import Delete, Drop, Edits, Hold, Keep, Repair, Show, Speed, Swap
from .posing import Posing
from .prepare import repaired, shown, swapped
from .times import time_map

FIRST = (Swap, Repair, Show)
"""Edits that come before all others, so that they can be applied apart: they look at whole clips, and take longest."""


@dataclass(frozen=True)
class Edited:
    """A motion after its edits, and what was skipped."""

    motion: Motion
    notes: tuple[Note, ...] = ()


def edited(motion: Motion, edits: Edits) -> Edited:
    """Apply all edits.

    Args:
        motion: of any length and any number of people.
        edits: what to do. Those for a frame, person or joint that is not there are skipped, with a note.

    Raises:
        InputError: holds and slow motion would make more than ``times.MOST_FRAMES`` frames.
    """
    plan, _ = checked(motion, edits)
    times = time_map(edits, motion.frame_count)
    result = posed(motion, edits)
    timed = joined(result.motion, plan.of(Delete))
    if any(plan.of(kind) for kind in (Delete, Speed, Hold)):
        timed = resample(timed, times)
    return Edited(_of_people(timed, plan), result.notes)


def posed(motion: Motion, edits: Edits, frames: range | None = None) -> Edited:
    """Apply all edits but those of time, and those that take people out.

    Args:
        motion: of any length and any number of people.
        edits: what to do.
        frames: compute these only, and return them; the same as cutting them out of the whole. ``None``: all.

    Raises:
        InputError: ``frames`` are not frames of the motion that follow each other.
    """
    window = range(motion.frame_count) if frames is None else frames
    if window.step != 1 or (window and not 0 <= window[0] <= window[-1] < motion.frame_count):
        raise InputError("frames", str(window), f"some of 0 to {motion.frame_count - 1}, one after the other")
    plan, notes = checked(motion, edits)
    source = _prepared(motion, plan)
    plan, more = checked_there(source, plan)
    return Edited(source.with_keypoints(Posing(source, plan).frames(window)), tuple(sorted((*notes, *more))))


def _prepared(motion: Motion, plan: Plan) -> Motion:
    if swaps := plan.of(Swap):
        motion = motion.with_keypoints(swapped(motion.keypoints, swaps))
    if repairs := plan.of(Repair):
        motion = motion.with_keypoints(repaired(motion, repairs))
    if shows := plan.of(Show):
        motion = motion.with_keypoints(shown(motion, shows))
    return motion


def _of_people(motion: Motion, plan: Plan) -> Motion:
    kept = {keep.person - 1 for keep in plan.of(Keep)} or set(range(motion.people))
    stay = sorted(kept - {drop.person - 1 for drop in plan.of(Drop)})
    return motion if len(stay) == motion.people else motion.with_keypoints(motion.keypoints[:, stay])
