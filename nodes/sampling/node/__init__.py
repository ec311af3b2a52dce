"""The nodes of this room, one per file."""

from .keyframe_control_net import FrugalKeyframeControlNet
from .keyframe_sampler import FrugalKeyframeSampler
from .text_lines import FrugalTextLines

__all__ = [
    "FrugalKeyframeControlNet",
    "FrugalKeyframeSampler",
    "FrugalTextLines",
]
