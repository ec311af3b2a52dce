"""The nodes of ``interchange`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

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


NODES = (FrugalMotionToKeypoints, FrugalKeypointsToMotion, FrugalSaveMotion, FrugalLoadMotion)
