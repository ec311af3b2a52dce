"""The nodes of ``motion`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .blend_motions import FrugalBlendMotions
from .edit_motion import FrugalEditMotion
from .fit_motion import FrugalFitMotion
from .motion_report import FrugalMotionReport
from .motion_style import FrugalMotionStyle
from .retarget_motion import FrugalRetargetMotion
from .smooth_motion import FrugalSmoothMotion
from .to_the_beat import FrugalToTheBeat

__all__ = [
    "FrugalBlendMotions",
    "FrugalEditMotion",
    "FrugalFitMotion",
    "FrugalMotionReport",
    "FrugalMotionStyle",
    "FrugalRetargetMotion",
    "FrugalSmoothMotion",
    "FrugalToTheBeat",
]


NODES = (
    FrugalSmoothMotion,
    FrugalEditMotion,
    FrugalMotionReport,
    FrugalMotionStyle,
    FrugalBlendMotions,
    FrugalRetargetMotion,
    FrugalFitMotion,
    FrugalToTheBeat,
)
