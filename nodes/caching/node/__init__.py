"""The nodes of ``caching`` as ComfyUI sees them, one per file: sockets, and calls of the plain files above.

They may import ``host`` and every room but ``server``. Nobody imports them but other shells, forecasts and routes.
"""

from .hash_cache import FrugalHashCache
from .remember_encodes import FrugalRememberEncodes

__all__ = [
    "FrugalHashCache",
    "FrugalRememberEncodes",
]


NODES = (FrugalHashCache, FrugalRememberEncodes)
