"""The nodes of ``economy`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .cost_report import FrugalCostReport
from .prewarm import FrugalPrewarm

__all__ = [
    "FrugalCostReport",
    "FrugalPrewarm",
]


NODES = (FrugalCostReport, FrugalPrewarm)
