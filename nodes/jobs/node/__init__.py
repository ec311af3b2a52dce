"""The nodes of this room, one per file."""

from .jobs_list import FrugalJobsList
from .jobs_sampler import FrugalJobsSampler

__all__ = [
    "FrugalJobsList",
    "FrugalJobsSampler",
]
