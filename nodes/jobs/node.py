"""Nodes that only the jobs of ``/frugal-motion/jobs`` use: where several of them share a sampler."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.node import Anything, FrugalNode, Keyframes
from ..sampling.node import FrugalKeyframeSampler, sampled
from .merge import MOST, item_name
from .outcome import LEFT_OUT

CATEGORY = "Frugal Motion/Jobs"
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


class FrugalJobsSampler(FrugalNode):
    """The sampler with outputs for every job: one that cannot be sampled does not stop the others."""

    DEVICE = "gpu"
    FRAMES = slice(None, None, 2)

    @classmethod
    def define_schema(cls) -> io.Schema:
        outputs = [
            output
            for place in range(MOST)
            for output in (
                io.Image.Output(f"frames_{place + 1}", tooltip="The sampled frames of a job."),
                Keyframes.Output(f"keyframes_{place + 1}", tooltip="Which frames of its clip they are."),
            )
        ]
        return io.Schema(
            node_id="FrugalJobsSampler",
            display_name="Keyframe ControlNet Sampler of Jobs",
            category=CATEGORY,
            description="The server puts this in place of the samplers of several jobs. It is of no use in a graph of "
            "yours.",
            is_deprecated=True,
            is_input_list=True,
            inputs=FrugalKeyframeSampler.define_schema().inputs,
            outputs=outputs,
        )

    @classmethod
    def execute(cls, **lists: list[Any]) -> io.NodeOutput:
        samples = sampled(**lists)
        values = [value for pair in zip(samples.frames, samples.keyframes, strict=True) for value in pair]
        left_out = [{"place": number - 1, "error": str(error)} for number, error in samples.failed.items()]
        return io.NodeOutput(*values, ui={"text": [samples.report], LEFT_OUT: left_out})
