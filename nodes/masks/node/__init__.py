"""The nodes of ``masks`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .mask_frames import FrugalMaskFrames
from .person_masks import FrugalPersonMasks

__all__ = [
    "FrugalMaskFrames",
    "FrugalPersonMasks",
]


NODES = (FrugalPersonMasks, FrugalMaskFrames)
