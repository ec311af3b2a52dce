"""What warming up will take."""

from __future__ import annotations

from ..forecast.facts import Forecast
from ..forecast.inputs import Inputs


def prewarm(_: Inputs) -> Forecast:
    """Weights are moved, nothing is computed."""
    return Forecast()
