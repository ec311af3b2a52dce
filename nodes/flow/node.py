"""Switch."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.frugal_node import Anything, FrugalNode


class FrugalSwitch(FrugalNode):
    """Gives one of two values; what leads to the other does not run. See ``graph.without_switches``."""

    FRAME_OUTPUTS = slice(0)
    SEARCH_ALIASES = ("if", "else", "toggle", "branch", "bypass", "boolean", "choose", "on off")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSwitch",
            display_name="Switch",
            category="Frugal Motion/Flow",
            description="Gives one of two values. Nothing that only the other one needs is run, estimated or checked "
            "in the cache. What is not connected is nothing: an optional input behind it is then as if without a wire.",
            inputs=[
                io.Boolean.Input("switch", default=False, tooltip="On gives on_true, off gives on_false."),
                Anything.Input("on_true", lazy=True, optional=True, tooltip="What is given when it is on."),
                Anything.Input("on_false", lazy=True, optional=True, tooltip="What is given when it is off."),
            ],
            outputs=[Anything.Output(display_name="value", tooltip="The one that is chosen, or nothing.")],
        )

    @classmethod
    def check_lazy_status(cls, switch: bool, **branches: Any) -> list[str]:
        """ComfyUI has ``None`` for a branch that has not run, and leaves out one that is not connected."""
        name = _branch(switch)
        return [name] if name in branches and branches[name] is None else []

    @classmethod
    def execute(cls, switch: bool, **branches: Any) -> io.NodeOutput:
        return io.NodeOutput(branches.get(_branch(switch)))


def _branch(switch: bool) -> str:
    return "on_true" if switch else "on_false"


NODES = (FrugalSwitch,)
