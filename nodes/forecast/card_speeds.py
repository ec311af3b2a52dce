"""How fast cards of the price table are, as GPU days have measured them. ``make gpu-page`` writes ``speeds.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from ..economy.prices import Card
from ..errors import InputError
from .edit_work import GPU_STAGES
from .throughput import Measured, Throughput

SPEEDS = Path(__file__).with_name("speeds.json")
_FIGURES = ("flops", "frames", "seconds")


def before_any_run(card: Card | None) -> Throughput:
    """How fast a card is, as long as this machine has run nothing on it."""
    measured = read_speeds(SPEEDS).get(card.name, ()) if card else ()
    return Throughput(card=card, of_card=measured, fastest=_fastest())


def _fastest() -> dict[str, float]:
    """FLOP/s by stage of the fastest run on any card."""
    found: dict[str, float] = {}
    for one in chain.from_iterable(read_speeds(SPEEDS).values()):
        found[one.stage] = max(found.get(one.stage, 0.0), one.flops / one.seconds)
    return found


@lru_cache(maxsize=4)
def read_speeds(path: Path) -> Mapping[str, tuple[Measured, ...]]:
    """By the names of cards, their stages with work and seconds.

    Args:
        path: of a JSON object: by the name of a card in the price table a list of objects with ``stage`` (of
            ``GPU_STAGES``), ``flops``, ``frames`` and ``seconds``.

    Raises:
        InputError: it holds something else.
    """
    found: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(stages, list) for stages in found.values()):
        raise InputError(path.name, type(found).__name__, "lists of stages by names of cards")
    return {card: tuple(_measured(card, entry) for entry in stages) for card, stages in found.items()}


def _measured(card: str, entry: Any) -> Measured:
    if not isinstance(entry, dict) or entry.keys() != {"stage", *_FIGURES} or entry["stage"] not in GPU_STAGES:
        allowed = f"an object of stage ({', '.join(GPU_STAGES)}), {', '.join(_FIGURES)}"
        raise InputError(card, repr(entry)[:200], allowed)
    for name in _FIGURES:
        value = entry[name]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise InputError(f"{card}, {name}", repr(value), "a number above 0")
    return Measured(entry["stage"], card, float(entry["flops"]), int(entry["frames"]), float(entry["seconds"]))
