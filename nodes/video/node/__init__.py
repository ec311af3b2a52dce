"""The nodes of ``video`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .compare import FrugalCompare
from .load_clips import FrugalLoadClips
from .load_video import FrugalLoadVideo
from .same_clip import FrugalSameClip
from .save_video import FrugalSaveVideo

__all__ = [
    "FrugalCompare",
    "FrugalLoadClips",
    "FrugalLoadVideo",
    "FrugalSameClip",
    "FrugalSaveVideo",
]


NODES = (FrugalLoadVideo, FrugalLoadClips, FrugalSameClip, FrugalSaveVideo, FrugalCompare)
