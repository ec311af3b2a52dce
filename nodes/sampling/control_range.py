"""VACE's control for a part of the sampling: outside of it the blocks that carry the control are not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ..errors import InputError

KEY = "frugal_control_range"
"""Of the wrapper around a model."""


def limited(model: Any, start: float, end: float) -> Any:
    """A MODEL whose control counts from ``start`` to ``end`` only; it costs nothing outside.

    The result is that of a strength of 0 there, bit for bit. Of several such limits all hold.

    Args:
        model: a MODEL of VACE.
        start, end: 0..1, as in Apply ControlNet: noise levels by the model's own ``percent_to_sigma``, both included.

    Raises:
        InputError: the model has no blocks for control, or ``end`` is before ``start``.
    """
    net = model.get_model_object("diffusion_model")
    if not hasattr(net, "vace_layers_mapping"):
        allowed = "a VACE model, whose control has blocks of its own"
        raise InputError("model", type(net).__name__, allowed, "In others no blocks could be left out.")
    check_range(start, end)
    result = model.clone()
    if start > 0 or end < 1:
        result.add_wrapper_with_key(WrappersMP.APPLY_MODEL, KEY, _within(start, end))
    return result


def check_range(start: float, end: float) -> None:
    """Refuse a range that ends before it begins.

    Raises:
        InputError: it does.
    """
    if end < start:
        raise InputError("end", f"{end:g}", f"{start:g} (start) to 1")


def _within(start: float, end: float) -> Callable[..., Any]:
    """A wrapper of ComfyUI's ``BaseModel.apply_model``: the net is left as it is, whatever else is patched in."""

    def apply_model(apply: Any, x: torch.Tensor, sigma: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        base = apply.class_obj
        first, last = map(base.model_sampling.percent_to_sigma, (start, end))
        if last <= sigma[0] <= first:  # the rows of a call are at one noise level
            return apply(x, sigma, *args, **kwargs)
        with _without_control(base.diffusion_model):
            return apply(x, sigma, *args, **kwargs)

    return apply_model


@contextmanager
def _without_control(net: Any) -> Iterator[None]:
    """No block of the net is followed by one of the control."""
    mapping = net.vace_layers_mapping
    net.vace_layers_mapping = {}
    try:
        yield
    finally:
        net.vace_layers_mapping = mapping
