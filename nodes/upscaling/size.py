"""How large the result is."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from ..errors import InputError


def target_size(width: int, height: int, scale: float, longer_side: int = 0) -> tuple[int, int]:
    """Width and height of the result: the input's shape, both even (H.264 takes no odd sizes), at least 2.

    Args:
        scale: factor on both sides; not used when ``longer_side`` is given.
        longer_side: pixels of the longer side; 0 for "use scale".

    Raises:
        InputError: ``scale`` is not above 0, or ``longer_side`` is negative or 1.
    """
    if longer_side < 0 or longer_side == 1:
        raise InputError("longer_side", str(longer_side), "0 (use scale), or 2 and more")
    if longer_side:
        exact = Fraction(longer_side, max(width, height))
    elif 0 < scale < float("inf"):
        exact = Fraction(scale)
    else:
        raise InputError("scale", str(scale), "a number above 0")
    return _even(width * exact), _even(height * exact)


def _even(side: Fraction) -> int:
    return max(2 * floor(side / 2 + Fraction(1, 2)), 2)
