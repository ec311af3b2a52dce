"""The nodes of this room, one per file."""

from .cost_report import FrugalCostReport
from .prewarm import FrugalPrewarm

__all__ = [
    "FrugalCostReport",
    "FrugalPrewarm",
]
