"""The nodes of ``compositing`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .crop_to_person import FrugalCropToPerson
from .put_back import FrugalPutBack

__all__ = [
    "FrugalCropToPerson",
    "FrugalPutBack",
]


NODES = (FrugalCropToPerson, FrugalPutBack)
