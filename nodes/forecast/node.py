"""The node that says what its workflow will cost."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io, ui

from ..host.frugal_node import FrugalNode, Keyframes
from ..host.prompt import own_prompt
from ..keyframes.keyframes import Keyframes as Plan
from ..strict_json import to_json
from .calibration import measured_runs
from .savings_chart import draw_savings
from .workflow_estimate import EstimateOptions, gpu_names, workflow_estimate


class FrugalCostEstimate(FrugalNode):
    """Work, seconds and dollars of the workflow that it stands in."""

    SEARCH_ALIASES = ("price", "dollars", "money", "budget", "cheap", "flops", "how long", "vram")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalCostEstimate",
            display_name="Cost Estimate",
            category="Frugal Motion/Economy",
            description="Says what this workflow will take on a GPU, beside the naive way of doing the same, what each "
            "saving contributes, and what to change to meet a budget. Nothing is sampled and no weights are loaded.",
            is_output_node=True,
            inputs=[
                io.Combo.Input(
                    "gpu",
                    options=gpu_names(),
                    tooltip="The GPU to estimate for. Cards and prices are those of the table, and of "
                    "user/frugal-motion/prices.json.",
                ),
                io.Float.Input(
                    "price",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="Dollars per hour of that GPU; 0 takes the table's.",
                ),
                io.Boolean.Input(
                    "spot", default=False, tooltip="Take the table's price of machines that may be taken away."
                ),
                io.Float.Input(
                    "budget",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.001,
                    tooltip="Dollars that a clip may cost: the node says what to change to get there. 0: no budget.",
                ),
                Keyframes.Input(
                    "keyframes",
                    optional=True,
                    tooltip="From Plan Keyframes: counts the very frames that it chose. Without it they are counted as "
                    "every Nth, and cuts are not known.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="table", tooltip="The estimate as a table, for Preview as Text."),
                io.String.Output(display_name="json", tooltip="The same as JSON."),
                io.Image.Output(display_name="chart", tooltip="What each saving contributes, one bar each."),
            ],
            hidden=[io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        return float("nan")  # it depends on the whole workflow

    @classmethod
    def execute(
        cls,
        gpu: str,
        price: float = 0.0,
        spot: bool = False,
        budget: float = 0.0,
        keyframes: Plan | None = None,
    ) -> io.NodeOutput:
        options = EstimateOptions(gpu, price, spot, budget, keyframes)
        found = workflow_estimate(own_prompt(cls.hidden)[0], options, measured_runs())
        chart = torch.from_numpy(draw_savings(found.estimate)).float()[None] / 255
        shown = {**ui.PreviewText(found.text).as_dict(), "frugal_estimate": [found.as_dict()]}
        return io.NodeOutput(found.text, to_json(found.as_dict()), chart, ui=shown)


NODES = (FrugalCostEstimate,)
