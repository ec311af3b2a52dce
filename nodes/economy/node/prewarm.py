"""Prewarm Models."""

from __future__ import annotations

import time
from typing import Any

from comfy_api.latest import io, ui

from ...host.frugal_node import Anything, FrugalNode
from ...host.models import load
from .. import forecast
from ..prewarming import patchers


class FrugalPrewarm(FrugalNode):
    """Brings a model to the GPU. ``POST /frugal-motion/prewarm`` puts it behind every loader of a workflow."""

    DEVICE = "gpu"
    FORECAST = staticmethod(forecast.prewarm)
    SEARCH_ALIASES = ("preload", "warm up", "load model", "cold start", "vram")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalPrewarm",
            display_name="Prewarm Models",
            category="Frugal Motion/Economy",
            description="Loads a model to the GPU ahead of the work that needs it, and says how long that took.",
            is_output_node=True,
            inputs=[Anything.Input("model", tooltip="A model, ControlNet, CLIP, VAE or interpolation model.")],
            outputs=[],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        return float("nan")  # it may have been unloaded since

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        started = time.perf_counter()
        found = patchers(model)
        load(*found)
        size = sum(patcher.model_size() for patcher in found)
        text = f"{size / 1e9:.2f} GB loaded in {time.perf_counter() - started:.1f} s"
        return io.NodeOutput(ui=ui.PreviewText(text if found else "this is loaded when it is used"))
