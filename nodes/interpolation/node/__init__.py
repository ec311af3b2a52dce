"""The nodes of this room, one per file."""

from .interpolate import FrugalInterpolate
from .load_interpolator import FrugalLoadInterpolator

__all__ = [
    "FrugalInterpolate",
    "FrugalLoadInterpolator",
]
