"""What the GPU of this machine costs."""

from __future__ import annotations

from ..host.folders import user_path
from ..host.models import this_device
from ..host.settings import settings
from .prices import Card, card_named, cards


def known_cards() -> tuple[Card, ...]:
    """The price table, with what the user has put into ``user/frugal-motion/prices.json``."""
    return cards(user_path("prices.json"))


def price_here() -> float:
    """Dollars per hour: of the settings, else what the price table says of the card on demand; 0 if it knows none."""
    chosen = settings()
    card = card_named(chosen.gpu or this_device(), known_cards())
    return chosen.gpu_price or (card.price(spot=False) if card else 0.0)
