"""What a workflow is going to do: facts travel along its wires, from node to node. Files are probed, nothing is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

from ..caching.configured import cache, value_key
from ..caching.signature import Unsignable
from ..errors import InputError
from ..graph import ends, is_link, upstream
from ..host.frugal_node import frugal_class
from ..host.prompt import declaration
from ..keyframes.keyframes import Keyframes
from .core_nodes import CORE, without_work
from .edit_work import Edit, Nets, Rows, StageWork, work
from .estimate import GIGABYTE, OtherWork
from .facts import Clips, DeviceWork, EditPlan, Forecast, Model, Number
from .inputs import Forecaster, Inputs
from .workflow import Workflow


@dataclass(frozen=True, eq=False)
class Planned:
    """What a workflow does.

    Attributes:
        edits: the first of which also holds the work on the CPU.
        works: that belong to no edit, of nodes that no cache spares.
        stages: main stage by class of nodes.
        unknown: titles of nodes, and names of models, whose work nobody knows.
        most: titles of nodes that take some work away, nobody knows how much.
        notes: for the user.
        samplers: nodes that sample a video, with their models.
        numbers: that nodes give, by their id and output.
    """

    edits: tuple[EditPlan, ...]
    works: tuple[DeviceWork, ...]
    stages: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    samplers: Mapping[str, Model] = field(default_factory=dict)
    numbers: Mapping[tuple[str, int], float] = field(default_factory=dict)

    @property
    def job(self) -> Edit:
        """The first edit."""
        return self.edits[0].edit

    @property
    def nets(self) -> Nets:
        """Of the first edit."""
        return self.edits[0].nets

    @property
    def other(self) -> OtherWork:
        """What belongs to no edit."""
        return OtherWork(
            _by_stage((done.stage, StageWork(done.frames, done.flops)) for done in self.works),
            sum((done.rows for done in self.works), Rows()),
            max((done.memory for done in self.works), default=0.0),
        )

    def work(self) -> dict[str, StageWork]:
        """What each stage on the GPU has to do in all."""
        edits = [stage for plan in self.edits for stage in work(plan.edit, plan.nets).items()]
        return _by_stage([*edits, *self.other.stages.items()])


def _by_stage(works: Iterable[tuple[str, StageWork]]) -> dict[str, StageWork]:
    found: dict[str, StageWork] = {}
    for stage, done in works:
        found[stage] = found.get(stage, StageWork()) + done
    return found


def planned(prompt: Any, keyframes: Keyframes | None = None, looks_into_cache: bool = True) -> Planned:
    """Follow a prompt from its loaders to its ends.

    Args:
        prompt: as posted to ``/prompt``.
        keyframes: the exact plan of the clip, if it is known.
        looks_into_cache: whether what a Hash Cache has is spared.

    Raises:
        InputError: something that is needed is missing or known only during the run; it names the node.
    """
    return _Walk(Workflow(prompt), keyframes, looks_into_cache).follow()


class _Walk:
    def __init__(self, flow: Workflow, keyframes: Keyframes | None, looks_into_cache: bool) -> None:
        self.flow, self.keyframes, self.looks_into_cache = flow, keyframes, looks_into_cache
        self.facts: dict[str, Sequence[object]] = {}
        self.works: dict[str, tuple[DeviceWork, ...]] = {}
        self.edits: list[EditPlan] = []
        self.notes: list[str] = []
        self.unknown: list[str] = []
        self.most: list[str] = []

    def fact_on(self, wire: Any) -> object:
        """What is known of what comes over a wire."""
        if not is_link(wire):
            return None
        outputs = self.facts.get(wire[0], ())
        return outputs[wire[1]] if 0 <= wire[1] < len(outputs) else None

    def follow(self) -> Planned:
        for node_id in upstream(self.flow.prompt, [*ends(self.flow.prompt), *self.flow.prompt]):
            found = self._forecast(node_id)
            if found is None:
                found = Forecast(self._passed_on(node_id))
                self._tell_unknown(node_id)
            self.facts[node_id], self.works[node_id] = found.outputs, found.work
            if found.edit:
                self.edits.append(found.edit)
        if not self.edits and not any(self.works.values()):
            raise InputError("prompt", "no video", "a workflow that loads a video, or samples")
        return self._result()

    def _tell_unknown(self, node_id: str) -> None:
        title = self.flow.title(node_id)
        kinds = set(getattr(NODE_CLASS_MAPPINGS.get(self.flow.kind(node_id)), "RETURN_TYPES", ()))
        if "MODEL" in kinds and kinds <= {"MODEL", "CLIP"} and self._takes_model(node_id):
            self.most.append(title)  # others' nodes patch a model to spare work
            return
        self.unknown.append(title)
        self.notes.append(f"{title} is not part of the estimate.")

    def _takes_model(self, node_id: str) -> bool:
        return any(isinstance(self.fact_on(wire), Model) for wire in self.flow.prompt[node_id]["inputs"].values())

    def _forecast(self, node_id: str) -> Forecast | None:
        kind = self.flow.kind(node_id)
        node_class = NODE_CLASS_MAPPINGS.get(kind)
        ours = frugal_class(kind)
        forecaster: Forecaster | None = CORE.get(kind) or (ours.FORECAST if ours else None)
        if forecaster is not None:
            with self.flow.naming(node_id):
                given = self.fact_on, self.edits, self.notes, self.keyframes, self.unknown, self.most
                return forecaster(Inputs(self.flow, node_id, *given))
        return Forecast(self._passed_on(node_id)) if without_work(kind, node_class) else None

    def _passed_on(self, node_id: str) -> tuple[object, ...]:
        """Of an unknown node: it may have changed what it gives, but not what kind of thing that is."""
        node = self.flow.prompt[node_id]
        given: dict[Any, object] = {}
        for name, wire in node["inputs"].items():
            if is_link(wire):
                given.setdefault(declaration(node, name)[0], self.fact_on(wire))
        kinds = getattr(NODE_CLASS_MAPPINGS.get(node["class_type"]), "RETURN_TYPES", ())
        return tuple(given.get(kind) if isinstance(kind, str) else None for kind in kinds)

    def _result(self) -> Planned:
        running = self._running()
        last = [plan for plan in self.edits if not any(other.before is plan for other in self.edits)]
        plans = [replace(plan, edit=replace(plan.edit, cached=_spared(plan.nodes, running))) for plan in last]
        first = plans[0] if plans else EditPlan(Edit(self._loaded(), mode=None), Nets(), {})
        on_cpu, cached = self._on_cpu(running)
        plans[:1] = [replace(first, edit=replace(first.edit, cpu=on_cpu, cached=first.edit.cached | cached))]
        on_gpu = (
            done
            for node_id, works in self.works.items()
            for done in works
            if done.device == "gpu" and node_id in running
        )
        samplers = {
            node_id: done.model
            for node_id, works in self.works.items()
            for done in works
            if done.model and node_id in running
        }
        self.notes.extend(
            f"{title} changes the model: what that saves is not known." for title in dict.fromkeys(self.most)
        )
        self.notes.extend(_held_together(samplers.values()))
        unknown, most = (tuple(dict.fromkeys(names)) for names in (self.unknown, self.most))
        told = unknown, most, tuple(self.notes)
        return Planned(tuple(plans), tuple(on_gpu), self._stages(), *told, samplers, self._numbers())

    def _numbers(self) -> dict[tuple[str, int], float]:
        return {
            (node_id, place): fact.value
            for node_id, outputs in self.facts.items()
            for place, fact in enumerate(outputs)
            if isinstance(fact, Number)
        }

    def _loaded(self) -> tuple[Any, ...]:
        """The clips of a workflow that edits none."""
        for node_id, works in self.works.items():
            if any(done.stage == "load" for done in works):
                return next((fact.clips for fact in self.facts[node_id] if isinstance(fact, Clips)), ())
        return ()

    def _on_cpu(self, running: set[str]) -> tuple[dict[str, int], frozenset[str]]:
        """Frames by stage on the CPU, and the stages of which a cache spares all."""
        frames: dict[str, int] = {}
        busy = set()
        for node_id in [node_id for node_id in self.flow.prompt if node_id in self.works]:
            for done in self.works[node_id]:
                if done.device == "cpu":
                    frames[done.stage] = frames.get(done.stage, 0) + done.frames
                    busy |= {done.stage} if node_id in running else set()
        return frames, frozenset(frames.keys() - busy)

    def _stages(self) -> dict[str, str]:
        """What a node is mainly charged for, by its class; nothing of a class whose nodes do different things."""
        mains: dict[str, str] = {}
        for plan in self.edits:
            for stage, node_id in plan.nodes.items():
                mains.setdefault(node_id, "sample" if stage in ("encode", "decode") else stage)
        for node_id, works in self.works.items():
            if works:
                mains.setdefault(node_id, works[0].stage)
        by_kind: dict[str, set[str]] = {}
        for node_id, main in mains.items():
            by_kind.setdefault(self.flow.kind(node_id), set()).add(main)
        return {kind: stages.pop() for kind, stages in by_kind.items() if len(stages) == 1}

    def _running(self) -> set[str]:
        """Nodes that will run, as nothing in front of a Hash Cache that has its value does."""
        hits = self._hits() if self.looks_into_cache else set()
        prompt = self.flow.prompt
        return set(upstream(prompt, ends(prompt), hits.__contains__)) if hits else set(prompt)

    def _hits(self) -> set[str]:
        """Hash Caches that have their value, asked as they ask themselves."""
        flow, store = self.flow, cache()
        nodes = [node_id for node_id in flow.ids("FrugalHashCache") if self._is_read(node_id)]

        def is_kept(node_id: str) -> bool:
            inputs = flow.prompt[node_id]["inputs"]
            try:
                key = value_key(flow.prompt.__getitem__, inputs.get("value"), [inputs.get("motion_style", "")])
            except (Unsignable, OSError, LookupError, RecursionError):  # a wire from nowhere, a chain of thousands
                return False
            return store.find(key) is not None

        return set(filter(is_kept, nodes))

    def _is_read(self, node_id: str) -> bool:
        value = self.flow.value
        return bool(value(node_id, "enabled", True)) and not value(node_id, "refresh", False)


def _spared(nodes: Mapping[str, str], running: set[str]) -> frozenset[str]:
    return frozenset(stage for stage, node_id in nodes.items() if node_id not in running)


def _held_together(models: Iterable[Model]) -> Iterator[str]:
    """What two experts take that sample one after the other."""
    sizes = {model.name: model.weights / GIGABYTE for model in models}
    if len(sizes) > 1:
        names = " and ".join(f"{name} ({size:,.1f} GB)" for name, size in sizes.items())
        yield f"{names}: {sum(sizes.values()):,.1f} GB hold both; with less, ComfyUI loads one after the other."
