"""The nodes of ``interpolation`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .interpolate import FrugalInterpolate
from .load_interpolator import FrugalLoadInterpolator

__all__ = [
    "FrugalInterpolate",
    "FrugalLoadInterpolator",
]


NODES = (FrugalLoadInterpolator, FrugalInterpolate)
