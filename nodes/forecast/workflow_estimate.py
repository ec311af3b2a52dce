"""What a workflow will cost, before it runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import comfy.model_management as management
import torch

from ..economy.local_price import known_cards, price_here
from ..economy.prices import Card, card_named, check_price, dollars
from ..errors import InputError
from ..host.folders import list_models, model_file
from ..host.models import compute_device, inference_dtype, this_device
from ..keyframes.keyframes import Keyframes
from .advice import Advice, advise
from .calibration import measured_runs
from .card_speeds import before_any_run
from .edit_work import Size
from .estimate import GIGABYTE, SHARE_OF_MEMORY, Estimate, Machine, estimate_all, with_samplers
from .finishing_work import interpolation_work
from .table import as_text
from .throughput import Measured, calibrated
from .video_advice import Alternative, Costs, cheaper_ways, from_naive
from .walk import Planned, planned

THIS_MACHINE = "this machine"

COMPARED = ("L4", "RTX 4090", "A100 80GB", "H100 SXM", "H200")
"""Cards that a video's cost is told for beside the chosen one."""


@dataclass(frozen=True)
class EstimateOptions:
    """What a user asks.

    Attributes:
        gpu: the name of a card in the price table, or ``THIS_MACHINE``.
        price: dollars per hour; 0 is that of the table.
        spot: whether the table's spot price is meant.
        budget: dollars per clip to meet; 0 is none.
        keyframes: the exact plan of the clip, where it is known.

    Raises:
        InputError: a value outside its range.
    """

    gpu: str = THIS_MACHINE
    price: float = 0.0
    spot: bool = False
    budget: float = 0.0
    keyframes: Keyframes | None = None

    def __post_init__(self) -> None:
        check_price("price", self.price)
        if not isinstance(self.budget, (int, float)) or not 0 <= self.budget < math.inf:
            raise InputError("budget", repr(self.budget), "dollars per clip, or 0 for no budget")
        if not isinstance(self.spot, bool):
            raise InputError("spot", repr(self.spot), "true or false")
        if self.gpu not in (names := gpu_names()):
            raise InputError("gpu", repr(self.gpu), ", ".join(names))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> EstimateOptions:
        """From a request's JSON; keyframes as ``Keyframes.to_fields`` writes them.

        Raises:
            InputError: an unknown name or a wrong value.
        """
        names = {field.name for field in fields(cls)}
        if not given.keys() <= names:
            raise InputError("options", ", ".join(sorted(given.keys() - names)), ", ".join(sorted(names)))
        values = dict(given)
        plan = values.pop("keyframes", None)
        try:
            return cls(**values, keyframes=Keyframes.from_fields(plan) if plan else None)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:  # a frame rate such as "x" or "1/0"
            raise InputError("options", repr(given)[:200], f"{', '.join(sorted(names))} of the right kind") from error


@dataclass(frozen=True)
class CardCost:
    """What a run would cost on a card of the table, and whether the card holds all of it at once."""

    name: str
    seconds: float
    dollars: float
    fits: bool

    def __str__(self) -> str:
        more = "" if self.fits else ", does not fit at once"
        return f"{self.name} {dollars(self.dollars)} ({self.seconds:,.0f} s{more})"


@dataclass(frozen=True)
class WorkflowEstimate:
    """What a workflow will cost.

    Attributes:
        estimate, gpu: the estimate, and the card that it is for.
        advice: how a budget can be met.
        notes: what to know about it.
        unknown: nodes and models whose work is not in it.
        most: nodes that take some work away, nobody knows how much.
        cards: what a video would cost on others.
        saves: what else would save, where a video is sampled by a node that is not ours.
        has_naive: whether there is a naive way of doing the same.
    """

    estimate: Estimate
    gpu: str
    advice: Advice | None
    notes: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    cards: tuple[CardCost, ...] = ()
    saves: tuple[Alternative, ...] = ()
    has_naive: bool = True

    @property
    def bound(self) -> str:
        """What stands before the dollars, where they are not what the run will cost."""
        if self.unknown and self.most:
            return "About "
        return "At least " if self.unknown else "At most " if self.most else ""

    @property
    def text(self) -> str:
        """The table and the words below it, as Markdown."""
        lines = [
            as_text(self.estimate, self.bound, self.has_naive),
            *([str(self.advice)] if self.advice else []),
            *self.notes,
        ]
        if self.cards:
            lines.append(f"On other cards: {', '.join(map(str, self.cards))}.")
        if self.saves:
            lines += ["", "What else would save:", *(f"- {one}" for one in self.saves)]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self.estimate.as_dict() | {
            "gpu": self.gpu,
            "advice": self.advice.as_dict() if self.advice else None,
            "notes": list(self.notes),
            "unknown": list(self.unknown),
            "most": list(self.most),
            "cards": [asdict(one) for one in self.cards],
            "saves": [one.as_dict() for one in self.saves],
            "table": self.text,
        }


def gpu_names() -> list[str]:
    """What a user can choose from."""
    return [THIS_MACHINE, *(card.name for card in known_cards())]


def estimate_prompt(prompt: Any, options: Mapping[str, Any], measured: Sequence[Measured] = ()) -> dict[str, Any]:
    """What a prompt will cost, for ``POST /frugal-motion/estimate``.

    Args:
        prompt: in the API format, as posted to ``/prompt``.
        options: those of ``EstimateOptions`` that are not to be as they come.
        measured: stages of earlier runs.

    Returns:
        Plain values: see ``Estimate.as_dict``, ``WorkflowEstimate.as_dict``.

    Raises:
        InputError: names the node or option that is wrong.
    """
    return workflow_estimate(prompt, EstimateOptions.of(options), measured).as_dict()


def workflow_estimate(
    prompt: Any, options: EstimateOptions, measured: Sequence[Measured] = (), compares: bool = True
) -> WorkflowEstimate:
    """The same for the node.

    Args:
        compares: whether videos are compared with other cards and other settings.
    """
    machine, name, notes = _machine(options, measured)
    found = planned(prompt, options.keyframes)
    edits = [(plan.edit, plan.nets) for plan in found.edits]
    whole = _estimated(found, machine)
    is_one = len(edits) == 1 and not found.other.stages
    advice = None
    if options.budget and machine.price and is_one:
        advice = advise(*edits[0], machine, options.budget)
    if options.budget and not machine.price:
        notes.append("A budget needs a price: choose a GPU, or give its dollars per hour.")
    if options.budget and not is_one:
        notes.append("How to meet a budget is told for workflows with one sampler, our own.")
    cards: tuple[CardCost, ...] = ()
    saves: tuple[Alternative, ...] = ()
    has_naive = not found.samplers
    if compares and found.samplers:
        cards = tuple(_on_other_cards(found, options, measured, name))
        costs = Costs(partial(_seconds_of, machine, options), partial(_between, machine), machine.price)
        saves = cheaper_ways(prompt, found, costs)
        steps = [(saving, costs.seconds(one)) for saving, one in from_naive(prompt, found)]
        whole, has_naive = with_samplers(whole, steps), None not in [seconds for _, seconds in steps]
    return WorkflowEstimate(
        whole, name, advice, (*notes, *found.notes), found.unknown, found.most, cards, saves, has_naive
    )


def _estimated(found: Planned, machine: Machine) -> Estimate:
    return estimate_all([(plan.edit, plan.nets) for plan in found.edits], found.other, machine)


def _on_other_cards(
    found: Planned, options: EstimateOptions, measured: Sequence[Measured], chosen: str
) -> Iterator[CardCost]:
    for card in known_cards():
        if card.name in COMPARED and card.name != chosen:
            machine, _, _ = _machine(replace(options, gpu=card.name, price=0.0), measured)
            cost = _estimated(found, machine)
            if cost.seconds is not None and cost.dollars is not None:
                fits = cost.memory <= machine.memory * SHARE_OF_MEMORY
                yield CardCost(card.name, cost.seconds, cost.dollars, fits)


def _seconds_of(machine: Machine, options: EstimateOptions, prompt: Any) -> float | None:
    return _estimated(planned(prompt, options.keyframes), machine).seconds


def _between(machine: Machine, frames: int, size: Size) -> float:
    """Seconds of making frames between others, by the first net that there is for it; nothing if there is none."""
    for name in list_models("frame_interpolation"):
        try:
            prepare, interpolate = interpolation_work(model_file("frame_interpolation", name, "model_name"))
        except InputError:
            continue
        flops = frames * ((interpolate(*size) or 0.0) + (prepare(*size) or 0.0))
        return machine.throughput.seconds("interpolate", flops, frames) or 0.0
    return 0.0


def likely_cost(prompt: Any) -> dict[str, float] | None:
    """Seconds and dollars of the GPU that a prompt will take here, by earlier runs; ``None`` if nobody can tell."""
    try:
        found = workflow_estimate(prompt, EstimateOptions(price=price_here()), measured_runs(), compares=False).estimate
    except (ValueError, TypeError, LookupError, ArithmeticError, OSError):  # of values that other nodes will make
        return None
    if found.seconds is None or found.dollars is None:
        return None
    return {"seconds": round(found.seconds, 3), "dollars": round(found.dollars, 6)}


def _machine(options: EstimateOptions, measured: Sequence[Measured]) -> tuple[Machine, str, list[str]]:
    known, notes = known_cards(), []
    if options.gpu == THIS_MACHINE:
        device, torch_device = this_device(), compute_device()
        card, halves = card_named(device, known), inference_dtype(torch_device) == torch.float16
        memory = float(management.get_total_memory(torch_device)) if torch_device.type != "cpu" else 0.0
    else:
        card = next(card for card in known if card.name == options.gpu)
        device, halves, memory = _device_of(card, known, measured), True, card.memory_gb * GIGABYTE
    speed = calibrated(measured, device, before_any_run(card), halves)
    price = options.price or (card.price(options.spot) if card else 0.0)
    if card is None and device != "cpu":
        notes.append(f"{device} is not in the price table: give its price, and run once to know its speed.")
    elif card and not options.price:
        kind = "spot" if options.spot else "on demand"
        notes.append(f"Price of {card.name}, {kind}, of {card.date}: {card.source}.")
    return Machine(speed, price, memory), card.name if card else device, notes


def _device_of(card: Card, known: Sequence[Card], measured: Sequence[Measured]) -> str:
    """The name under which runs on a card are recorded, if there are any."""
    return next((one.device for one in measured if card_named(one.device, known) == card), "")
