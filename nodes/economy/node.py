"""The node that shows what a run has cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from comfy_api.latest import Input, io, ui

from ..graph import title, upstream
from ..host.models import this_device
from ..host.node import Anything, FrugalNode, run_costs
from ..host.prompt import own_prompt
from ..jobs.merged_runs import own_costs
from ..metering.meter import StageCost
from ..strict_json import to_json
from .cost_chart import draw_costs
from .local_price import price_here
from .prewarm_node import FrugalPrewarm
from .report import Report


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
        stages = tuple(_stages(*own_prompt(cls.hidden)))
        report = Report(stages, gpu_price or price_here(), this_device(), _video_seconds(after))
        shown = {**ui.PreviewText(report.as_text()).as_dict(), "frugal_report": [report.as_dict()]}
        chart = torch.from_numpy(draw_costs(report)).float()[None] / 255
        return io.NodeOutput(report.as_text(), to_json(report.as_dict()), chart, ui=shown)


def _video_seconds(value: Any) -> float:
    """The length of what the run ends with, if it is a video."""
    return float(value.get_duration()) if isinstance(value, Input.Video) else 0.0


def _stages(prompt: Mapping[str, Any], node_id: str) -> list[StageCost]:
    """The pack's nodes in front of the report: what they cost now, or that a cache spared them."""
    costs = own_costs(run_costs())
    stages = []
    for upstream_id in [found for found in upstream(prompt, [node_id]) if found != node_id]:
        name = title(prompt, upstream_id)
        if upstream_id in costs:
            stages.append(replace(costs[upstream_id], stage=name))
        elif prompt[upstream_id]["class_type"].startswith("Frugal"):
            stages.append(StageCost(name, "-", cached=True))
    return stages


NODES = (FrugalCostReport, FrugalPrewarm)
