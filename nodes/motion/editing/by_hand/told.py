"""What was edited, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .checks import Note
from .edits import Edit, Edits

_NAMED = 10  # skipped edits that a report names


def told(edits: Edits, notes: Sequence[Note]) -> str:
    """The edits in a few lines; people count from 1, frames from 0."""
    if not edits.edits:
        return "No edits"
    skipped = {note.edit for note in notes}
    done = [edit for number, edit in enumerate(edits.edits) if number not in skipped and not edit.off]
    kinds = Counter(edit.do for edit in done)
    lines = [f"Edits applied: {len(done)}"]
    lines += [f"  {kind}: {count}" for kind, count in kinds.items()]
    if off := sum(edit.off for edit in edits.edits):
        lines.append(f"Switched off: {off}")
    if notes:
        lines.append(f"Skipped: {len(skipped)}")
        lines += [f"  {_what(edits.edits[note.edit])}: {note.why}" for note in notes[:_NAMED]]
    return "\n".join([*lines, "  ..."] if len(notes) > _NAMED else lines)


def _what(edit: Edit) -> str:
    """Such as ``move, person 1, left wrist, frame 30``."""
    parts: list[str] = [edit.do]
    if person := getattr(edit, "person", None):
        parts.append(f"person {person}")
    if joint := getattr(edit, "joint", None):
        parts.append(joint.replace("_", " "))
    frame, first, last = (getattr(edit, name, None) for name in ("frame", "first", "last"))
    if frame is not None:
        parts.append(f"frame {frame}")
    if first is not None:
        parts.append(f"from frame {first}" if last is None else f"frames {first} to {last}")
    return ", ".join(parts)
