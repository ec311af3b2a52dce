"""The work of a net, counted without doing it."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

logger = logging.getLogger(__name__)

_TRIPS = (RuntimeError, TypeError, ValueError, AttributeError, LookupError)
"""Whatever a net trips over there."""


def flops_of(net: Any, run: Callable[[Any], object]) -> float | None:
    """Floating point operations of ``run`` with a copy of a net on torch's meta device, where nothing is computed.

    Args:
        net: a ``torch.nn.Module``.
        run: is given the copy; its inputs must be on the meta device too.

    Returns:
        ``None`` if the net does something that has no meaning there.
    """
    try:
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            run(copy.deepcopy(net).to("meta"))
    except _TRIPS as error:
        logger.debug("cannot count the work of %s: %s", type(net).__name__, error)
        return None
    return float(counter.get_total_flops())
