"""What else would save in a workflow that samples a video: the same workflow with other settings, forecast again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeAlias

from ..economy.prices import dollars
from ..errors import InputError
from ..graph import Prompt, is_link, upstream
from .core_video_nodes import VIDEO
from .edit_work import Size
from .facts import latent_frames_of, pictures_of
from .walk import Planned
from .workflow import Workflow

RATES = (12, 8)
"""Frames per second from which RIFE makes a smooth video, the second only of calm motion."""

NAIVE_RATE, NAIVE_STEPS, NAIVE_CFG = 16, 50, 5.0
"""What people do with Wan who save nothing."""

FEW, MANY = 4, 8
"""Steps of a distilled model, and those above which an undistilled one is assumed."""

SHORT_SIDES = (720, 480, 320)
"""Pixels of the shorter side that video models are used at."""

WINDOW, OVERLAP = 81, 16
"""Pictures of a context window, and how many of them the next one shares."""

CONTROL_UNTIL = 0.5
Step: TypeAlias = tuple[str, Callable[[Prompt], Prompt]]
"""A change in words, and what it makes of a prompt."""


@dataclass(frozen=True)
class Alternative:
    """Settings to change, and what the run would then cost.

    Attributes:
        what: to change.
        seconds: on the GPU.
        dollars: for them; 0 without a price.
        times: how many times less that is.
    """

    what: str
    seconds: float
    dollars: float
    times: float

    def __str__(self) -> str:
        cost = dollars(self.dollars) if self.dollars else f"{self.seconds:,.0f} s"
        return f"{self.what}: {cost}, {self.times:,.{1 if self.times >= 2 else 2}f} times less"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"text": str(self)}


@dataclass(frozen=True)
class Costs:
    """How to tell what another workflow would take.

    Attributes:
        seconds: on the GPU, of a prompt; ``None`` if not known.
        between: of making so many frames of a size between others.
        price: dollars per hour.
    """

    seconds: Callable[[Prompt], float | None]
    between: Callable[[int, Size], float]
    price: float


def cheaper_ways(prompt: Prompt, found: Planned, costs: Costs) -> tuple[Alternative, ...]:
    """Every change that saves, the cheapest first; where several go together, all of them in the end.

    Args:
        prompt: as posted to ``/prompt``.
        found: what it does.
        costs: tells what a changed prompt takes.
    """
    graph = _VideoGraph(prompt, found)
    now = costs.seconds(graph.prompt)
    if not found.samplers or not now:
        return ()
    changed = [_alternative(what, [(what, change)], graph, costs, now) for what, change in _changes(graph)]
    together = _together(graph)
    ways = sorted((one for one in changed if one and one.times > 1.02), key=lambda one: one.seconds)
    whole = _alternative(" and ".join(what for what, _ in together), together, graph, costs, now)
    return (*ways, *([whole] if whole and len(together) > 1 else []))


def from_naive(prompt: Prompt, found: Planned) -> Iterator[tuple[str, Prompt]]:
    """The way from a naive workflow, which comes first, to one that samples videos.

    Args:
        prompt: as posted to ``/prompt``.
        found: what it does.

    Yields:
        A saving, and the workflow with it: each differs from the one before by that. The last is the prompt itself.
    """
    graph = _VideoGraph(prompt, found)
    whole = _changed(graph.prompt, {node_id: {"start": 0.0, "end": 1.0} for node_id in graph.ranges})
    careful = graph.with_steps(NAIVE_STEPS, NAIVE_CFG, whole)
    yield "naive", graph.at_least_at_rate(NAIVE_RATE, careful)
    yield "frame rate", careful
    yield "fewer steps", whole
    yield "control range", graph.prompt


def _alternative(
    what: str, changes: Sequence[Step], graph: _VideoGraph, costs: Costs, now: float
) -> Alternative | None:
    changed = graph.prompt
    for _, change in changes:
        changed = change(changed)
    try:
        seconds = costs.seconds(changed)
    except InputError:  # what the workflow does not allow is no advice
        return None
    if seconds is None:
        return None
    seconds += sum(costs.between(count, size) for count, size in graph.frames_lost(changed))
    return Alternative(what, seconds, seconds * costs.price / 3600, now / seconds) if seconds else None


def _changes(graph: _VideoGraph) -> Iterator[Step]:
    yield from graph.rates()
    yield from graph.fewer_steps()
    yield from graph.smaller()
    yield from graph.windows()
    yield from graph.shorter_control()


def _together(graph: _VideoGraph) -> list[Step]:
    """What people combine, without another size."""
    return [*list(graph.rates())[:1], *graph.fewer_steps(), *graph.shorter_control()]


class _VideoGraph:
    """What can be changed in a workflow that samples videos."""

    def __init__(self, prompt: Prompt, found: Planned) -> None:
        self.flow, self.samplers, self.numbers = Workflow(prompt), found.samplers, found.numbers
        self.prompt: Prompt = dict(self.flow.prompt)
        self.above = list(upstream(self.prompt, self.samplers))
        self.ranges = self.flow.ids("FrugalControlRange")
        self.clips = [node_id for node_id in self.above if self._number(node_id, "length") and self._is_video(node_id)]

    def _is_video(self, node_id: str) -> bool:
        return self.flow.kind(node_id) in VIDEO

    def _number(self, node_id: str, name: str, default: float = 0.0) -> float:
        given = self.prompt[node_id]["inputs"].get(name)
        if given is None:
            return default
        if is_link(given) and tuple(given) in self.numbers:
            return self.numbers[given[0], given[1]]
        try:
            return float(self.flow.value(node_id, name))
        except (InputError, TypeError, ValueError):  # known during the run, or made by another node
            return default

    def frames_lost(self, changed: Prompt) -> Iterator[tuple[int, Size]]:
        """Pictures that a changed prompt has fewer, by clip, at which size."""
        for node_id in self.clips:
            given = changed[node_id]["inputs"]["length"]
            if is_link(given):  # as it was
                continue
            before, after = self._number(node_id, "length"), float(given)
            size = int(self._number(node_id, "width", 832)), int(self._number(node_id, "height", 480))
            if after < before:
                yield int(before - after), size

    def rates(self) -> Iterator[Step]:
        """Fewer frames per second, and RIFE for the rest."""
        now = self._rate()
        for rate in RATES:
            if self.clips and rate < now:
                yield f"{rate} fps instead of {now:g}, then Interpolate Frames", partial(self._at_rate, rate / now)

    def _rate(self) -> float:
        for node_id in self.above:
            if (rate := self._number(node_id, "frame_rate")) > 0:
                return rate
        for node_id in self.flow.ids("CreateVideo"):
            if (rate := self._number(node_id, "fps")) > 0:
                return rate
        return next(float(model.video.frame_rate) for model in self.samplers.values() if model.video)

    def _at_rate(self, share: float, prompt: Prompt) -> Prompt:
        every = next(model.video.every for model in self.samplers.values() if model.video)
        changed = {}
        for node_id in self.clips:
            shorter = round((self._number(node_id, "length") - 1) * share) + 1
            rounded = pictures_of(latent_frames_of(shorter + every - 1, every), every)
            changed[node_id] = {"length": max(rounded, 1)}
        return _changed(prompt, changed)

    def at_least_at_rate(self, rate: int, prompt: Prompt) -> Prompt:
        """As many frames per second, or more."""
        now = self._rate()
        return self._at_rate(rate / now, prompt) if now < rate else prompt

    def fewer_steps(self) -> Iterator[Step]:
        """A distilled model or LoRA, which needs no negative prompt."""
        has_many = any(self._number(node_id, "steps") > MANY for node_id in self.above)
        if has_many and any(self._number(node_id, "cfg") > 1 for node_id in self.above):
            yield f"a distilled LoRA at {FEW} steps and CFG 1", partial(self.with_steps, FEW, 1.0)

    def with_steps(self, count: int, cfg: float, prompt: Prompt) -> Prompt:
        """Samplers with so many steps, of which they do as large a part as before, and so much guidance."""
        guided = [node_id for node_id in self.above if self._number(node_id, "cfg")]
        changed: dict[str, dict[str, Any]] = {node_id: {"cfg": cfg} for node_id in guided}
        for node_id in [node_id for node_id in self.above if self._number(node_id, "steps")]:
            share = count / self._number(node_id, "steps")
            parts = {
                name: round(self._number(node_id, name) * share)
                for name in ("start_at_step", "end_at_step")
                if name in prompt[node_id]["inputs"]
            }
            changed[node_id] = {**changed.get(node_id, {}), "steps": count, **parts}
        return _changed(prompt, changed)

    def smaller(self) -> Iterator[Step]:
        """The next smaller usual size."""
        sizes = [(self._number(node_id, "width"), self._number(node_id, "height")) for node_id in self.clips]
        short = min((min(size) for size in sizes), default=0)
        side = next((side for side in SHORT_SIDES if side < short), None)
        if side is None:
            return
        width, height = (round(edge * side / short / 32) * 32 for edge in sizes[0])
        changed = {node_id: {"width": width, "height": height} for node_id in self.clips}
        yield f"{width} x {height}", lambda prompt: _changed(prompt, changed)

    def windows(self) -> Iterator[Step]:
        """Windows, or none."""
        ours = [node_id for node_id in self.samplers if self.flow.kind(node_id) == "FrugalBatchSampler"]
        if any(model.windows for model in self.samplers.values()):
            yield "no context windows", self._without_windows
        elif in_windows := [node_id for node_id in ours if self._number(node_id, "window")]:
            yield "no windows", partial(_changed, inputs={node_id: {"window": 0} for node_id in in_windows})
        elif ours:
            changed = {node_id: {"window": WINDOW, "overlap": OVERLAP} for node_id in ours}
            yield f"windows of {WINDOW} frames, {OVERLAP} of them shared", partial(_changed, inputs=changed)
        elif self.clips and all(self.flow.kind(node_id) == "EmptyHunyuanLatentVideo" for node_id in self.clips):
            # Not with a control video: ComfyUI does not cut that into windows.
            given = {"context_length": WINDOW, "context_overlap": OVERLAP}
            cut = partial(self._with_models, "WanContextWindowsManual", given)
            yield f"context windows of {WINDOW} frames, {OVERLAP} of them shared", cut

    def _with_models(self, kind: str, given: Mapping[str, Any], prompt: Prompt) -> Prompt:
        """A node more in front of every sampler, on the wire of its model."""
        found = dict(prompt)
        for node_id in self.samplers:
            wire = prompt[node_id]["inputs"].get("model")
            if not is_link(wire):
                continue
            new = f"{node_id} {kind}"
            found[new] = {"class_type": kind, "inputs": {"model": wire, **given}}
            found = _changed(found, {node_id: {"model": [new, 0]}})
        return found

    def _without_windows(self, prompt: Prompt) -> Prompt:
        cutting = self.flow.ids("WanContextWindowsManual", "ContextWindowsManual")
        led = {node_id: prompt[node_id]["inputs"].get("model") for node_id in cutting}
        changed = {
            node_id: {name: led[wire[0]] for name, wire in node["inputs"].items() if is_link(wire) and wire[0] in led}
            for node_id, node in prompt.items()
        }
        return _changed(prompt, changed)

    def shorter_control(self) -> Iterator[Step]:
        """VACE's blocks left out where the picture has its shape."""
        what, given = f"control until {CONTROL_UNTIL:g} (Control Range)", {"start": 0.0, "end": CONTROL_UNTIL}
        if longer := [node_id for node_id in self.ranges if self._number(node_id, "end", 0.5) > CONTROL_UNTIL]:
            yield what, partial(_changed, inputs={node_id: {"end": CONTROL_UNTIL} for node_id in longer})
        elif not self.ranges and any(self.flow.kind(node_id) == "WanVaceToVideo" for node_id in self.clips):
            yield what, partial(self._with_models, "FrugalControlRange", given)


def _changed(prompt: Prompt, inputs: Mapping[str, Mapping[str, Any]]) -> Prompt:
    return {
        node_id: {**node, "inputs": {**node["inputs"], **inputs[node_id]}} if inputs.get(node_id) else node
        for node_id, node in prompt.items()
    }
