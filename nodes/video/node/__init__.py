"""The nodes of this room, one per file."""

from .load_clips import FrugalLoadClips
from .load_video import FrugalLoadVideo
from .save_video import FrugalSaveVideo

__all__ = [
    "FrugalLoadClips",
    "FrugalLoadVideo",
    "FrugalSaveVideo",
]
