"""Which edits can be applied to a motion, and why the others are skipped."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from ...motion import Motion
from .edits import Delete, Edit, Edits, Hold, Move, Pose, Show, Swap
from .joints import numbers

_Kind = TypeVar("_Kind", bound=BaseModel)


@dataclass(frozen=True, order=True)
class Note:
    """Why an edit does nothing. ``edit`` is its place in the list, from 0."""

    edit: int
    why: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"edit": self.edit, "why": self.why}


@dataclass(frozen=True)
class Plan:
    """The edits that can be applied, with their places in the list."""

    edits: tuple[tuple[int, Edit], ...]

    def numbered(self, kind: type[_Kind]) -> list[tuple[int, _Kind]]:
        return [(number, edit) for number, edit in self.edits if isinstance(edit, kind)]

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """The edits of a kind, in the order of the list."""
        return [edit for _, edit in self.numbered(kind)]


def checked(motion: Motion, edits: Edits) -> tuple[Plan, tuple[Note, ...]]:
    """The edits that can be applied; those that are off are left out without a note."""
    asked = [(number, edit) for number, edit in enumerate(edits.edits) if not edit.off]
    notes = {number: why for number, edit in asked if (why := _hindrance(motion, edit))}
    cut_out = np.zeros(motion.frame_count, np.bool_)
    for number, edit in asked:
        if isinstance(edit, Delete) and number not in notes:
            cut_out[edit.first : edit.last + 1] = True
    for number, edit in asked:
        if isinstance(edit, Hold) and number not in notes and cut_out[edit.frame]:
            notes[number] = f"frame {edit.frame} is cut out"
    plan = Plan(tuple((number, edit) for number, edit in asked if number not in notes))
    return plan, tuple(Note(number, why) for number, why in notes.items())


def _hindrance(motion: Motion, edit: Edit) -> str:
    fields = vars(edit)
    for person in (fields[name] for name in ("person", "other", "of_person") if name in fields):
        if person > motion.people:
            return f"there is no person {person}: the motion has {motion.people}"
    for frame in (fields[name] for name in ("frame", "of", "first") if name in fields):
        if frame >= motion.frame_count:
            return f"there is no frame {frame}: the motion has {motion.frame_count}, counted from 0"
    joint = fields.get("joint")
    if joint is not None and not numbers(joint, motion.keypoints.shape[2]):
        return f"there is no {joint.replace('_', ' ')}: the motion has no hands"
    if isinstance(edit, Swap) and edit.person == edit.other:
        return "a person cannot be exchanged with itself"
    return ""


def checked_there(source: Motion, plan: Plan) -> tuple[Plan, list[Note]]:
    """The edits whose joints and people are seen where they are needed, after repairs and ``Show``.

    A key in a frame in which its joint is missing still counts in the frames around.
    """
    seen = source.keypoints[..., 2] > 0
    posed = defaultdict[int, list[range]](list)
    for pose in plan.of(Pose):
        posed[pose.person].append(range(pose.frame - pose.before + 1, pose.frame + pose.after))
    notes, useless = [], set()
    for number, edit in plan.edits:
        if isinstance(edit, Pose) and not seen[edit.of, (edit.of_person or edit.person) - 1].any():
            notes.append(Note(number, f"person {edit.of_person or edit.person} is not seen in frame {edit.of}"))
            useless.add(number)
        elif isinstance(edit, Show | Move):
            frame = edit.first if isinstance(edit, Show) else edit.frame
            if seen[frame, edit.person - 1, numbers(edit.joint, seen.shape[2])].any():
                continue
            name = "person" if edit.joint == "body" else edit.joint.replace("_", " ")
            if isinstance(edit, Show):
                notes.append(Note(number, f"the {name} is never seen"))
            elif not any(frame in span for span in posed[edit.person]):
                notes.append(Note(number, f"the {name} is missing in frame {frame}: show it first"))
    return Plan(tuple((number, edit) for number, edit in plan.edits if number not in useless)), notes
