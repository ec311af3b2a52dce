"""The nodes of ``pose`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .draw_pose import FrugalDrawPose
from .extract_pose import FrugalExtractPose

__all__ = [
    "FrugalDrawPose",
    "FrugalExtractPose",
]


NODES = (FrugalExtractPose, FrugalDrawPose)
