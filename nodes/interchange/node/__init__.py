"""The nodes of this room, one per file."""

from .keypoints_to_motion import FrugalKeypointsToMotion
from .load_motion import FrugalLoadMotion
from .motion_to_keypoints import FrugalMotionToKeypoints
from .save_motion import FrugalSaveMotion

__all__ = [
    "FrugalKeypointsToMotion",
    "FrugalLoadMotion",
    "FrugalMotionToKeypoints",
    "FrugalSaveMotion",
]
