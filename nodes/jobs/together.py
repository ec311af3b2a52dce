"""The node that works for several jobs, made of the node that works for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from comfy_api.latest import io

from ..batched import Batched
from ..host.frugal_node import FrugalNode
from .merge import MOST
from .outcome import LEFT_OUT

CATEGORY = "Frugal Motion/Jobs"


def together(node_class: type[FrugalNode]) -> type[FrugalNode]:
    """The class that does the work of several jobs in place of one that is ``BATCHED``."""
    batched = _batched(node_class)
    body = {"SINGLE": node_class, "DEVICE": node_class.DEVICE, "__module__": __name__, "__doc__": _Together.__doc__}
    return type(batched.together, (_Together,), body)


class _Together(FrugalNode):
    """A node with outputs for every job: one for which nothing can be made does not stop the others."""

    SINGLE: ClassVar[type[FrugalNode]]

    @classmethod
    def define_schema(cls) -> io.Schema:
        batched, single = _batched(cls.SINGLE), cls.SINGLE.define_schema()
        outputs = [
            type(output)(f"{output.display_name}_{place + 1}", tooltip=text)
            for place in range(MOST)
            for output, text in zip(single.outputs, batched.outputs, strict=True)
        ]
        return io.Schema(
            node_id=batched.together,
            display_name=f"{single.display_name} of Jobs",
            category=CATEGORY,
            description=f"The server puts this in place of the {batched.called} of several jobs. It is of no use in a "
            "graph of yours.",
            is_deprecated=True,  # so that the editor does not offer it
            is_input_list=True,
            inputs=single.inputs,
            outputs=outputs,
        )

    @classmethod
    def execute(cls, **lists: list[Any]) -> io.NodeOutput:
        results = cls.SINGLE.execute_for_jobs(**lists)
        values = [value for job in zip(*results.outputs, strict=True) for value in job]
        left_out = [{"place": place, "error": error} for place, error in results.left_out.items()]
        return io.NodeOutput(*values, ui={"text": [results.report], LEFT_OUT: left_out})

    @classmethod
    def count_frames(cls, values: Sequence[Any]) -> int:
        """Frames in what all jobs are given."""
        width = len(_batched(cls.SINGLE).outputs)
        return sum(cls.SINGLE.count_frames(values[first : first + width]) for first in range(0, len(values), width))


def _batched(node_class: type[FrugalNode]) -> Batched:
    assert node_class.BATCHED, f"{node_class.__name__} is not batched"
    return node_class.BATCHED
