"""The nodes of ``sampling`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .batch_sampler import FrugalBatchSampler, FrugalBatchSamplerAdvanced
from .control_range import FrugalControlRange
from .keyframe_control_net import FrugalKeyframeControlNet
from .keyframe_sampler import FrugalKeyframeSampler
from .text_lines import FrugalTextLines

__all__ = [
    "FrugalBatchSampler",
    "FrugalBatchSamplerAdvanced",
    "FrugalControlRange",
    "FrugalKeyframeControlNet",
    "FrugalKeyframeSampler",
    "FrugalTextLines",
]


NODES = (
    FrugalControlRange,
    FrugalKeyframeControlNet,
    FrugalKeyframeSampler,
    FrugalBatchSampler,
    FrugalBatchSamplerAdvanced,
    FrugalControlRange,
    FrugalTextLines,
)
