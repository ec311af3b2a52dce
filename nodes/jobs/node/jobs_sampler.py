"""Keyframe ControlNet Sampler of Jobs."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Keyframes
from ...sampling.node import FrugalKeyframeSampler
from ...sampling.several_clips import sampled
from ..merge import MOST
from ..outcome import LEFT_OUT


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
            category="Frugal Motion/Jobs",
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
