"""The nodes of the stage."""

from __future__ import annotations

from .mask_frames import FrugalMaskFrames
from .person_masks import FrugalPersonMasks

NODES = (FrugalPersonMasks, FrugalMaskFrames)

__all__ = ["NODES", "FrugalMaskFrames", "FrugalPersonMasks"]
