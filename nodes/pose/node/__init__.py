"""The nodes of this room, one per file."""

from .draw_pose import FrugalDrawPose
from .extract_pose import FrugalExtractPose

__all__ = [
    "FrugalDrawPose",
    "FrugalExtractPose",
]
