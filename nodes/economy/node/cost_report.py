"""Cost Report."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import Input, io, ui

from ...host.frugal_node import Anything, FrugalNode, run_costs
from ...host.models import this_device
from ...host.prompt import own_prompt
from ...jobs.merged_runs import own_costs
from ...strict_json import to_json
from ..cost_chart import draw_costs
from ..local_price import price_here
from ..report import Report, stages_in_front


class FrugalCostReport(FrugalNode):
    """Seconds per stage and device of the run it is part of."""

    SEARCH_ALIASES = ("price", "dollars", "money", "benchmark", "profile", "timing", "gpu seconds", "vram")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalCostReport",
            display_name="Cost Report",
            category="Frugal Motion/Economy",
            description="Shows where the time of the pack's nodes went: stage, device, seconds, frames, and what came "
            "from a cache. Wire it behind the last node, e.g. Save Video.",
            is_output_node=True,
            inputs=[
                Anything.Input("after", tooltip="Whatever the run ends with; the report waits for it."),
                io.Float.Input(
                    "gpu_price",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.01,
                    tooltip="Dollars per hour of your GPU; 0 takes the settings' price, or that of the card by the "
                    "price table.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="table", tooltip="The table, for Preview as Text."),
                io.String.Output(display_name="json", tooltip="The same as JSON."),
                io.Image.Output(display_name="chart", tooltip="The seconds of every stage, one bar each."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> float:
        return float("nan")  # every run has its own costs

    @classmethod
    def execute(cls, after: Any, gpu_price: float) -> io.NodeOutput:
        stages = stages_in_front(*own_prompt(cls.hidden), own_costs(run_costs()))
        report = Report(stages, gpu_price or price_here(), this_device(), _video_seconds(after))
        shown = {**ui.PreviewText(report.as_text()).as_dict(), "frugal_report": [report.as_dict()]}
        chart = torch.from_numpy(draw_costs(report)).float()[None] / 255
        return io.NodeOutput(report.as_text(), to_json(report.as_dict()), chart, ui=shown)


def _video_seconds(value: Any) -> float:
    """The length of what the run ends with, if it is a video."""
    return float(value.get_duration()) if isinstance(value, Input.Video) else 0.0
