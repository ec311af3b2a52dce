"""The nodes of ``compositing`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .clean_plate import FrugalCleanPlate
from .crop_to_person import FrugalCropToPerson
from .face_crop import FrugalFaceCrop
from .put_back import FrugalPutBack

__all__ = [
    "FrugalCleanPlate",
    "FrugalCropToPerson",
    "FrugalFaceCrop",
    "FrugalPutBack",
]


NODES = (FrugalCropToPerson, FrugalCleanPlate, FrugalPutBack, FrugalFaceCrop)
