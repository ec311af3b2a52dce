"""The nodes of this room, one per file."""

from .blend_motions import FrugalBlendMotions
from .fit_motion import FrugalFitMotion
from .motion_report import FrugalMotionReport
from .motion_style import FrugalMotionStyle
from .retarget_motion import FrugalRetargetMotion
from .smooth_motion import FrugalSmoothMotion

__all__ = [
    "FrugalBlendMotions",
    "FrugalFitMotion",
    "FrugalMotionReport",
    "FrugalMotionStyle",
    "FrugalRetargetMotion",
    "FrugalSmoothMotion",
]
