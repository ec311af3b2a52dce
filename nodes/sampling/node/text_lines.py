"""Text Lines."""

from __future__ import annotations

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode
from .. import forecast
from ..lines import text_lines


class FrugalTextLines(FrugalNode):
    """Prompts, one per clip."""

    FORECAST = staticmethod(forecast.list_texts)
    SEARCH_ALIASES = ("prompts", "split text", "prompt list", "batch")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalTextLines",
            display_name="Text Lines",
            category="Frugal Motion/Sampling",
            description="Gives every line of a text by itself: with CLIP Text Encode behind it, a prompt for each of "
            "several clips.",
            inputs=[io.String.Input("text", multiline=True, tooltip="One line per clip. Empty lines do not count.")],
            outputs=[io.String.Output(display_name="lines", is_output_list=True, tooltip="The lines, in order.")],
        )

    @classmethod
    def execute(cls, text: str) -> io.NodeOutput:
        return io.NodeOutput(text_lines(text))
