"""The nodes of ``jobs`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .jobs_list import FrugalJobsList
from .jobs_sampler import FrugalJobsSampler

__all__ = [
    "FrugalJobsList",
    "FrugalJobsSampler",
]
