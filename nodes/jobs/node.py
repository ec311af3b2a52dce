"""The node that only the jobs of ``/frugal-motion/jobs`` use, beside those that ``together`` makes."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.frugal_node import Anything, FrugalNode
from .merge import MOST, item_name
from .together import CATEGORY

ITEMS = [item_name(place) for place in range(MOST)]


class FrugalJobsList(FrugalNode):
    """What several jobs give, as the list that a sampler takes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalJobsList",
            display_name="List of Jobs",
            category=CATEGORY,
            description="The server puts this in front of a sampler that works for several jobs. It is of no use in a "
            "graph of yours.",
            is_deprecated=True,  # so that the editor does not offer it
            inputs=[Anything.Input(name, optional=True, tooltip="What one job gives.") for name in ITEMS],
            outputs=[Anything.Output(display_name="items", is_output_list=True, tooltip="What all give, in order.")],
        )

    @classmethod
    def execute(cls, **items: Any) -> io.NodeOutput:
        return io.NodeOutput([items[name] for name in ITEMS if name in items])


NODES = (FrugalJobsList,)
