"""A node's inputs, as its forecaster sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from ..errors import InputError
from ..graph import constant, is_link
from ..keyframes.keyframes import Keyframes
from .edit_work import Work
from .facts import Clips, DeviceWork, EditPlan, Forecast, Number
from .workflow import Workflow

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Inputs:
    """A node of a workflow, and what is known in front of it.

    Attributes:
        flow: the workflow.
        node_id: the node's in it.
        fact_on: tells what is known of what comes over a wire.
        edits: that nodes in front have begun.
        notes: for the user.
        keyframes: the exact plan of the clip, where the user has given it.
        unknown: what is not part of the estimate.
        most: what takes some work away, nobody knows how much.
    """

    flow: Workflow
    node_id: str
    fact_on: Callable[[Any], object]
    edits: Sequence[EditPlan]
    notes: list[str]
    keyframes: Keyframes | None = None
    unknown: list[str] = field(default_factory=list)
    most: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What the user calls the node."""
        return self.flow.title(self.node_id)

    def value(self, name: str, default: Any = None) -> Any:
        """A constant input.

        Raises:
            InputError: it is only known once the workflow runs, missing without a default, or not allowed.
        """
        return self.flow.value(self.node_id, name, default)

    def number(self, name: str, default: float | None = None) -> float:
        """A constant input, or one whose number the node that it comes from tells.

        Raises:
            InputError: see ``value``.
        """
        found = self.fact(name, Number)
        return float(self.value(name, default)) if found is None else found.value

    def constants(self, *but: str) -> dict[str, Any]:
        """All inputs, none of which may be wired to more than a constant.

        Args:
            but: names of those that are left out.

        Raises:
            InputError: one is.
        """
        return self.flow.inputs(self.node_id, *but)

    def source(self, name: str) -> str | None:
        """The id of the node that an input comes from; ``None`` if it comes from none that is there."""
        wire = self._wire(name)
        return wire[0] if is_link(wire) and wire[0] in self.flow.prompt else None

    def fact(self, name: str, kind: type[T]) -> T | None:
        """What is known of an input; ``None`` if nothing of that kind is."""
        found = self.fact_on(self._wire(name))
        return found if isinstance(found, kind) else None

    def fact_of(self, name: str) -> object:
        """What is known of an input, of whatever kind."""
        return self.fact_on(self._wire(name))

    def has(self, name: str) -> bool:
        """Whether there is such an input."""
        return name in self.flow.prompt[self.node_id]["inputs"]

    def leave_out(self, what: str) -> None:
        """Tell that some work is not known: the total is the least."""
        self.unknown.append(what)
        self.notes.append(f"{what} is not part of the estimate.")

    def needed(self, name: str, kind: type[T], allowed: str) -> T:
        """The same.

        Raises:
            InputError: nothing of that kind is known.
        """
        found = self.fact(name, kind)
        if found is None:
            what = "nothing that is known before the run" if is_link(self._wire(name)) else "no wire"
            raise InputError(name, what, allowed)
        return found

    def _wire(self, name: str) -> Any:
        return self.flow.prompt[self.node_id]["inputs"].get(name)

    def is_wired(self, name: str) -> bool:
        """Whether an input comes from another node."""
        return is_link(self._wire(name))

    def is_constant(self, name: str) -> bool:
        """Whether an input is known before the run, also if another node holds it."""
        return not is_link(constant(self.flow.prompt.get, self._wire(name)))

    def counted(self, work: Work, name: str) -> Work:
        """The work of a net, or none with a note where it cannot be counted."""
        if work(64, 64) is not None:
            return work
        self.notes.append(f"The work of the {name} cannot be counted; it is left out.")
        return lambda width, height: 0.0

    def edit_of(self, clips: Clips) -> EditPlan | None:
        """The edit that clips are the result of, if no other node goes on with it yet."""
        plan = clips.edit
        return None if plan is None or any(one.before is plan for one in self.edits) else plan


Forecaster: TypeAlias = Callable[[Inputs], "Forecast | None"]
"""From what is known in front of a node to what it gives and does; ``None`` if that cannot be told."""


def every_frame(inputs: Inputs, name: str, stage: str) -> Forecast | None:
    """What a node will take that works on each frame of a VIDEO or IMAGE, on the CPU, and keeps its size and times.

    Args:
        inputs: of the node.
        name: of the input with the frames.
        stage: what the table of costs calls the work.
    """
    clips = inputs.fact(name, Clips)
    if clips is None:
        return None
    # Upscaling and interpolation no longer find each other across it, so they keep their order.
    return Forecast((replace(clips, edit=None),), (DeviceWork(stage, "cpu", clips.frames),))
