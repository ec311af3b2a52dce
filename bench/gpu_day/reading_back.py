"""A large result of the card into new memory of the CPU, in several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from frugal_motion.nodes.host.models import compute_device
from frugal_motion.nodes.readback import read_back
from frugal_motion.nodes.video.tensors import empty_image

from .measurement import Finding, Measurement
from .setting import Setting
from .timing import side_by_side

PICTURES, SIDE = 4, 2048


def ways(setting: Setting) -> Iterator[Finding]:
    """Gigabytes a second, by what copies and into which memory.

    Args:
        setting: of the day.
    """
    side = 64 if setting.rehearse else SIDE
    shape = PICTURES, side, side, 3
    made, touched = torch.rand(shape, device=compute_device()), torch.zeros(shape)
    copies: dict[str, Callable[[torch.Tensor], object]] = {
        "copied": lambda target: target.copy_(made),
        "page_locked": lambda target: read_back(made, target, pins=True),
    }
    memories: dict[str, Callable[[], torch.Tensor]] = {
        "small_pages": lambda: torch.empty(shape),
        "large_pages": lambda: empty_image(*shape),
        "touched": lambda: touched,
    }

    def way(copy: str, memory: str) -> Callable[[], object]:
        return lambda: copies[copy](memories[memory]())

    works = {f"{copy}.{memory}": way(copy, memory) for copy in copies for memory in memories}
    found = side_by_side(works, 1 if setting.rehearse else 2)
    note = f"{PICTURES} pictures of {side} px in fp32; small_pages: PyTorch's, large_pages: NumPy's, touched: not new"
    for name, timing in found.items():
        gigabytes = made.nbytes / 1e9
        yield Measurement(f"read_back.{name}", gigabytes / timing.seconds, "GB/s", note=note)
