"""The nodes of ``lengths`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .fit_length import FrugalFitLength
from .restore_length import FrugalRestoreLength

__all__ = [
    "FrugalFitLength",
    "FrugalRestoreLength",
]


NODES = (FrugalFitLength, FrugalRestoreLength)
