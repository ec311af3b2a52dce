"""The nodes that edit a motion."""

from __future__ import annotations

from comfy_api.latest import io

from ..errors import InputError
from ..host.node import FrugalNode, Motion
from .motion import Motion as MotionValue
from .repair import fill_gaps
from .smooth import METHODS, smooth


class FrugalSmoothMotion(FrugalNode):
    """Fills short gaps and removes jitter."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSmoothMotion",
            display_name="Smooth Motion",
            category="Frugal Motion/Motion",
            description="Fills short gaps, then removes jitter without delaying the movement. Longer gaps stay empty.",
            inputs=[
                Motion.Input("motion", tooltip="From Extract Pose or another motion node."),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    tooltip="savgol: Savitzky-Golay, a parabola through the frames around each; keeps turning points.",
                ),
                io.Float.Input(
                    "strength",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Seconds of movement looked at around each frame, so it means the same at any frame rate. "
                    "0 only fills gaps; 1 rounds off quick moves.",
                ),
                io.Float.Input(
                    "max_gap",
                    default=0.5,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Joints that are missing for at most this many seconds are interpolated. 0 fills nothing.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The same clip, steadier.")],
        )

    @classmethod
    def execute(cls, motion: MotionValue, method: str, strength: float, max_gap: float) -> io.NodeOutput:
        if not max_gap >= 0:
            raise InputError("max_gap", f"{max_gap:g} s", "0 s or more")
        filled = fill_gaps(motion.keypoints, round(max_gap * motion.frame_rate))
        return io.NodeOutput(motion.with_keypoints(smooth(filled, motion.frame_rate, strength, method)))
