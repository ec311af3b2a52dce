"""What GPUs cost by the hour, and how fast their data sheets say they are."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError

logger = logging.getLogger(__name__)

MOST = 1000.0
"""Dollars per hour above which a price is taken for a slip of the keyboard."""

_OTHER_CARDS = frozenset(("ti", "super", "laptop", "mobile", "max", "d", "mig", "nvl"))
"""Words by which a device is another card than the one with the shorter name."""


@dataclass(frozen=True)
class Card:
    """A GPU and its rent.

    Attributes:
        name: as a user chooses it.
        devices: words of the names by which drivers report it, such as ``"A100 80GB"``.
        memory_gb: gigabytes of memory, as the data sheet counts them.
        tflops: dense fp16 tensor TFLOPS with fp32 accumulation, of the data sheet: torch accumulates in fp32.
        on_demand, spot: dollars per hour; spot may be taken away at any time.
        date: ISO date of the prices.
        source: where they are from.

    Raises:
        InputError: a value that cannot be right.
    """

    name: str
    devices: tuple[str, ...]
    memory_gb: float
    tflops: float
    on_demand: float
    spot: float
    date: str
    source: str

    def __post_init__(self) -> None:
        for field in ("name", "source", "date"):
            if not isinstance(getattr(self, field), str) or not getattr(self, field):
                raise InputError(field, repr(getattr(self, field)), "a text")
        try:
            date.fromisoformat(self.date)
        except ValueError as error:
            raise InputError("date", repr(self.date), "an ISO date such as 2026-11-23") from error
        if not self.devices or not all(isinstance(device, str) and device for device in self.devices):
            raise InputError("devices", repr(self.devices), "names by which drivers report the card")
        for field in ("memory_gb", "tflops"):
            value = getattr(self, field)
            if not _is_number(value) or not 0 < value < math.inf:
                raise InputError(field, repr(value), "a number above 0")
        for field in ("on_demand", "spot"):
            check_price(field, getattr(self, field))

    def price(self, spot: bool) -> float:
        """Dollars per hour."""
        return self.spot if spot else self.on_demand


def check_price(name: str, value: Any) -> float:
    """A price in dollars per hour.

    Raises:
        InputError: it is negative, not a finite number, or absurdly high.
    """
    if not _is_number(value) or not 0 <= value <= MOST:
        raise InputError(name, repr(value), f"0 to {MOST:g} dollars per hour")
    return float(value)


def dollars(amount: float) -> str:
    """An amount in words, with two digits that count at least.

    >>> dollars(1.5), dollars(0.0000123)
    ('$1.5000', '$0.000012')
    """
    digits = 4 if amount <= 0 else max(4, 1 - math.floor(math.log10(amount)))
    return f"${amount:,.{digits}f}"


def cards(own: Path | None = None) -> tuple[Card, ...]:
    """The cards of the pack's table.

    Args:
        own: a file of the same shape, whose cards replace those of the same name or join them. One that is wrong
            is not used; a warning says why, once for as long as the file does not change.
    """
    table = _read(Path(__file__).with_name("prices.json"))
    if own is None or not own.is_file():
        return table
    mine = {card.name: card for card in _own(own, own.stat().st_mtime_ns)}
    return (*(mine.pop(card.name, card) for card in table), *mine.values())


def card_named(device: str, among: Sequence[Card] | None = None) -> Card | None:
    """The card that a driver reports under a name such as ``"NVIDIA A100-SXM4-80GB"``; ``None`` if it is not listed.

    A card fits if all words of one of its ``devices`` are in the name; of several that fit, the most words win.
    """
    found = _words(device)
    best: tuple[int, Card] | None = None
    for card in cards() if among is None else among:
        for name in (card.name, *card.devices):
            wanted = _words(name)
            fits = wanted <= found and not (found - wanted) & _OTHER_CARDS
            if fits and (best is None or len(wanted) > best[0]):
                best = len(wanted), card
    return best[1] if best else None


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z0-9]+", name.lower())) - {""}


@lru_cache(maxsize=8)
def _own(path: Path, changed: int) -> tuple[Card, ...]:
    """The cards of a user's file as it was when it was ``changed``; none if something is wrong with it."""
    try:
        return _read(path)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        logger.warning("%s is not used: %s", path, error)
        return ()


def _read(path: Path) -> tuple[Card, ...]:
    entries: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list):
        raise InputError(path.name, type(entries).__name__, "a list of cards")
    return tuple(map(_card, entries))


def _card(entry: Any) -> Card:
    names = {field.name for field in fields(Card)}
    if not isinstance(entry, dict) or entry.keys() != names:
        raise InputError("card", repr(entry)[:200], f"an object of {', '.join(sorted(names))}")
    devices = entry["devices"]
    return Card(**{**entry, "devices": tuple(devices) if isinstance(devices, list) else ()})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
