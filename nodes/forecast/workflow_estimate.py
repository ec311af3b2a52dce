"""What a workflow will cost, before it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import comfy.model_management as management
import torch

from ..economy.local_price import known_cards, price_here
from ..economy.prices import Card, card_named, check_price
from ..errors import InputError
from ..host.models import compute_device, inference_dtype, this_device
from ..keyframes.keyframes import Keyframes
from .advice import Advice, advise
from .calibration import measured_runs
from .estimate import GIGABYTE, Estimate, Machine, estimate_all
from .table import as_text
from .throughput import Measured, calibrated
from .walk import planned

THIS_MACHINE = "this machine"


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
class WorkflowEstimate:
    """An estimate, how a budget can be met, what to know about it, and the nodes whose work is not in it."""

    estimate: Estimate
    gpu: str
    advice: Advice | None
    notes: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the work of all nodes is known."""
        return not self.unknown

    @property
    def text(self) -> str:
        """The table and the words below it, as Markdown."""
        lines = [as_text(self.estimate, self.is_whole), *([str(self.advice)] if self.advice else []), *self.notes]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self.estimate.as_dict() | {
            "gpu": self.gpu,
            "advice": self.advice.as_dict() if self.advice else None,
            "notes": list(self.notes),
            "unknown": list(self.unknown),
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


def workflow_estimate(prompt: Any, options: EstimateOptions, measured: Sequence[Measured] = ()) -> WorkflowEstimate:
    """The same for the node."""
    machine, name, notes = _machine(options, measured)
    found = planned(prompt, options.keyframes)
    edits = [(plan.edit, plan.nets) for plan in found.edits]
    whole = estimate_all(edits, found.other, machine)
    is_one = len(edits) == 1 and not found.other.stages
    advice = None
    if options.budget and machine.price and is_one:
        advice = advise(*edits[0], machine, options.budget)
    if options.budget and not machine.price:
        notes.append("A budget needs a price: choose a GPU, or give its dollars per hour.")
    if options.budget and not is_one:
        notes.append("How to meet a budget is told for workflows with one sampler, our own.")
    return WorkflowEstimate(whole, name, advice, (*notes, *found.notes), found.unknown)


def likely_cost(prompt: Any) -> dict[str, float] | None:
    """Seconds and dollars of the GPU that a prompt will take here, by earlier runs; ``None`` if nobody can tell."""
    try:
        found = workflow_estimate(prompt, EstimateOptions(price=price_here()), measured_runs()).estimate
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
    speed = calibrated(measured, device, card, halves)
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
