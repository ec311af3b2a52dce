"""Motion Report."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui

from ...host.frugal_node import FrugalNode, Motion
from ...strict_json import to_json
from ...video.tensors import to_image
from ..motion import Motion as MotionValue
from ..report.chart import draw_report
from ..report.quality import measure
from ..report.troubles import find_troubles


class FrugalMotionReport(FrugalNode):
    """Says how good a motion is."""

    SEARCH_ALIASES = ("quality", "metrics", "compare", "foot slide")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalMotionReport",
            display_name="Motion Report",
            category="Frugal Motion/Motion",
            description="Measures a motion and draws it: jitter, bone lengths, foot slide, gaps, curves and poses; "
            "against another where one is wired.",
            is_output_node=True,
            inputs=[
                Motion.Input("motion", tooltip="What to report on."),
                Motion.Input("before", optional=True, tooltip="The same clip before it was edited, to compare with."),
            ],
            outputs=[
                io.Image.Output(display_name="picture", tooltip="Numbers, curves, coverage and poses."),
                io.String.Output(display_name="json", tooltip="The numbers, of everyone and of each person."),
            ],
        )

    @classmethod
    def execute(cls, motion: MotionValue, before: MotionValue | None = None) -> io.NodeOutput:
        measured = {"motion": _measured(motion), "before": _measured(before) if before else None}
        picture = to_image(draw_report(motion, before)[None])
        return io.NodeOutput(picture, to_json(measured), ui=ui.PreviewImage(picture, cls=cls))


def _measured(motion: MotionValue) -> dict[str, Any]:
    return {**measure(motion).as_dict(), "troubles": [trouble.as_dict() for trouble in find_troubles(motion)]}
