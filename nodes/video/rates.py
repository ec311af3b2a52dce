"""Frame rates as the exact fractions that they stand for."""

from __future__ import annotations

from fractions import Fraction

COMMON_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60", "120")
)


def usual_rate(rate: Fraction | float, tolerance: float = 0.0002) -> Fraction:
    """The common frame rate within a relative ``tolerance`` of ``rate``, or else ``rate`` itself.

    >>> usual_rate(29.97)
    Fraction(30000, 1001)
    >>> usual_rate(12.5)
    Fraction(25, 2)
    """
    exact = Fraction(rate)
    nearest = min(COMMON_RATES, key=lambda common: abs(common - exact))
    return nearest if abs(nearest - exact) <= tolerance * nearest else exact.limit_denominator(1001)
