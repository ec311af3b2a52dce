"""What every node of the pack has in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Literal

import comfy.model_management
from comfy.comfy_types.node_typing import IO
from comfy_api.latest import io
from comfy_execution.utils import get_executing_context

from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..batched import Batched, JobResults
from ..metering.machine_probe import MachineProbe
from ..metering.meter import Ledger, StageCost
from ..strict_json import strict
from ..video.stream import VideoInfo
from .settings import settings

Device = Literal["cpu", "gpu"]

Motion = io.Custom("FRUGAL_MOTION")
Keyframes = io.Custom("FRUGAL_KEYFRAMES")
Crop = io.Custom("FRUGAL_CROP")
WayBack = io.Custom("FRUGAL_LENGTH")
InterpolationModel = io.Custom("INTERP_MODEL")

# A plain "*" fails the server's check against the input it is wired to; this one equals every type.
Anything = io.Custom(IO.ANY)

# One per ComfyUI process: nodes are classes that ComfyUI clones for every call, they can hold nothing.
ledger = Ledger(probe=MachineProbe())


@dataclass(frozen=True)
class Stage:
    """Who is charged for work: remembered by lazy streams, which work when another node reads them.

    Attributes:
        node_id: of the node.
        name: its display name.
        device: where it works.
        kind: its class.
        is_shown: whether the node shows its streams when they have been read.
        beside: gives what the node shows beside such a stream, as the ``ui`` of a node's output.
    """

    node_id: str
    name: str
    device: Device
    kind: str = ""
    is_shown: bool = False
    beside: Callable[[], Mapping[str, Any]] = dict

    @contextmanager
    def charged(self) -> Iterator[StageCost]:
        """Charge what happens inside to this stage in the run that is executing now (in none: to nobody)."""
        context = get_executing_context()
        if context is None or not settings().meter:
            yield StageCost(self.name, self.device)
            return
        meter, device = ledger.meter(context.prompt_id), device_name(self.device)
        with meter.stage(self.node_id, self.name, device, self.kind, context.list_index) as cost:
            yield cost


def device_name(device: Device) -> str:
    """Where work meant for ``device`` is done here, such as ``"cpu"`` or ``"cuda:0"``."""
    return "cpu" if device == "cpu" else str(comfy.model_management.get_torch_device())


def run_id() -> str:
    """The prompt id of the run that is executing now; empty where none is."""
    context = get_executing_context()
    return context.prompt_id if context else ""


def run_costs() -> dict[str, StageCost]:
    """What the run that is executing now has cost so far, by node id."""
    context = get_executing_context()
    return ledger.meter(context.prompt_id).costs if context else {}


def note_rows(rows: int) -> None:
    """So many rows have been sampled by the stage that works now, in one step."""
    if cost := _current():
        cost.rows += rows
        cost.calls += 1


def note_shares(shares: Mapping[int, float]) -> None:
    """The stage that works now has worked on clips together, so much for each."""
    if cost := _current():
        cost.shares = dict(shares)


def note_spared(offered: float, spared: float) -> None:
    """The stage that works now keeps some of the pictures that it is offered from being sampled, or parts of them."""
    if cost := _current():
        cost.offered += offered
        cost.spared += spared


@contextmanager
def loading() -> Iterator[None]:
    """The stage that works now brings weights to its device."""
    started = time.perf_counter()
    try:
        yield
    finally:
        if cost := _current():
            cost.load_seconds += time.perf_counter() - started


@contextmanager
def in_net() -> Iterator[None]:
    """The net of the stage that works now works, or is brought to its device; the rest of its time is the CPU's."""
    started = time.perf_counter()
    try:
        yield
    finally:
        if cost := _current():
            cost.net_seconds += time.perf_counter() - started


def _current() -> StageCost | None:
    context = get_executing_context()
    return ledger.meter(context.prompt_id).current if context else None


class FrugalNode(io.ComfyNode):
    """A node whose ``execute`` is timed, and which declares what the rest of the pack must know of it.

    Attributes:
        DEVICE: where its own work is done; the cost report and the jobs' bills ask.
        FRAME_OUTPUTS: which of its outputs hold frames; the report counts those as the frames it has worked on.
        SHOWS_STREAM: whether a stream that it gives is shown on it, in the editor, once another node has read it.
        ONLY_SHOWS: it is an output so that the editor can run it alone; what it shows is no result of a job.
        PRECOMPUTABLE: ``execute`` may be called before the node's run, in any thread: it works on the processor alone,
            needs nothing of the run (no hidden inputs), and leaves nothing behind but previews.
        MEMOIZED: ``execute`` keeps its work in the cache, by ``caching.memoize.memoized``. While another prompt is on
            the GPU, such work of those that wait is done, with all that is in front of it, if it is ``PRECOMPUTABLE``.
        BATCHED: how one of these nodes does the work of several jobs; ``None`` if each job has a node of its own. One
            that is batched has ``execute_for_jobs``.
        CLIP_INPUTS: of a node that loads clips, the inputs that say which, and how much of each: they must be known to
            tell how long its clips are. One that has some has ``clips_to_load``.
        LISTED_BEHIND: the stage whose nodes it follows in the pack's list; empty to stand among those of its own stage.
        FORECAST: tells what the node will take, see ``forecast.inputs.Forecaster``; without one it is taken for nothing
            on the CPU, and for unknown on the GPU.
        NEUTRAL_INPUTS: inputs that it had not at first, and the values at which it does as it did without them.
        SEARCH_ALIASES: what people type who look for it.
    """

    DEVICE: ClassVar[Device] = "cpu"
    FRAME_OUTPUTS: ClassVar[slice] = slice(1)
    SHOWS_STREAM: ClassVar[bool] = False
    ONLY_SHOWS: ClassVar[bool] = False
    PRECOMPUTABLE: ClassVar[bool] = False
    MEMOIZED: ClassVar[bool] = False
    BATCHED: ClassVar[Batched | None] = None
    CLIP_INPUTS: ClassVar[frozenset[str]] = frozenset()
    LISTED_BEHIND: ClassVar[str] = ""
    NEUTRAL_INPUTS: ClassVar[Mapping[str, Any]] = {}
    SEARCH_ALIASES: ClassVar[tuple[str, ...]] = ()
    FORECAST: ClassVar[Any] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        execute = cls.__dict__.get("execute")
        # ComfyUI clones the class for every call, which brings us here again.
        if isinstance(execute, classmethod) and not hasattr(execute.__func__, "__wrapped__"):
            cls.execute = classmethod(_timed(execute.__func__))

    @classmethod
    def GET_NODE_INFO_V1(cls) -> dict[str, Any]:  # noqa: N802  ComfyUI's name
        """What the editor is told. The schema of 0.3.75 knows no aliases, but editors newer than its own search them.

        The English name is one: names are translated, tutorials are not.
        """
        info: dict[str, Any] = super().GET_NODE_INFO_V1()
        return {**info, "search_aliases": [info["display_name"], *cls.SEARCH_ALIASES]}

    @classmethod
    def stage(cls) -> Stage:
        """The stage that is charged for this node's work."""
        context = get_executing_context()
        schema = cls.define_schema()  # GET_SCHEMA writes to the class, which is locked while a prompt runs
        node_id = context.node_id if context else schema.node_id
        return Stage(node_id, schema.display_name, cls.DEVICE, schema.node_id, cls.SHOWS_STREAM)

    @classmethod
    def execute_for_jobs(cls, **lists: list[Any]) -> JobResults:
        """Do the work of several jobs at once (see ``BATCHED``).

        Args:
            lists: every input as a list; of one item where it is the same for all.
        """
        raise NotImplementedError(f"{cls.__name__} is BATCHED, and has no execute_for_jobs")

    @classmethod
    def clips_to_load(cls, inputs: Mapping[str, Any]) -> list[VideoInfo]:
        """What the clips will be like that the node gives for these inputs; files are looked at, nothing is decoded.

        Args:
            inputs: those that are known, ``CLIP_INPUTS`` among them; defaults stand for the others.

        Raises:
            InputError: names an input, such as a file that is not there.
        """
        raise NotImplementedError(f"{cls.__name__} has CLIP_INPUTS, and no clips_to_load")

    @classmethod
    def count_frames(cls, values: Sequence[Any]) -> int:
        """Frames in what the node gives, each output one value or a list. A stream counts its own while it is read."""
        return sum(_frames_of(one) for value in values[cls.FRAME_OUTPUTS] for one in _as_list(value))


def _timed(execute: Any) -> Any:
    @wraps(execute)
    def timed(cls: type[FrugalNode], *args: Any, **kwargs: Any) -> Any:
        with cls.stage().charged() as cost:
            output = execute(cls, *args, **kwargs)
            if isinstance(output, io.NodeOutput):
                cost.frames += cls.count_frames(output.args)
                if isinstance(output.ui, dict):
                    output.ui = strict(output.ui)  # browsers read it, and REST
            return output

    return timed


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _frames_of(value: Any) -> int:
    if hasattr(value, "frame_count"):
        return int(value.frame_count)
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return int(shape[0]) if len(shape) == 4 else 0


def frugal_class(class_type: str) -> type[FrugalNode] | None:
    """The class of a node of this pack by its name in prompts; ``None`` for any other."""
    node_class = NODE_CLASS_MAPPINGS.get(class_type)
    return node_class if isinstance(node_class, type) and issubclass(node_class, FrugalNode) else None
