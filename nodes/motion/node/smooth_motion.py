"""Smooth Motion."""

from __future__ import annotations

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ..cleaning.repair import RepairSettings
from ..cleaning.repair import repair as repair_motion
from ..cleaning.smooth import METHODS, smooth
from ..motion import Motion as MotionValue
from .player import shown_motion


class FrugalSmoothMotion(FrugalNode):
    """Repairs what the detector got wrong, fills short gaps and removes jitter."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("jitter", "stabilize", "filter", "savgol", "kalman", "one euro", "repair pose")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalSmoothMotion",
            display_name="Smooth Motion",
            category="Frugal Motion/Motion",
            description="Repairs stray joints and exchanged sides, fills short gaps, then removes jitter without "
            "delaying the movement. Longer gaps stay empty.",
            inputs=[
                Motion.Input("motion", tooltip="From Extract Pose or another motion node."),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    tooltip="savgol (Savitzky-Golay) and kalman keep turning points best, gaussian is softest; "
                    "one_euro looks back only and lags.",
                ),
                io.Float.Input(
                    "strength",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much jitter goes, alike with every method and at any frame rate. "
                    "0 smooths nothing; 1 rounds off quick moves.",
                ),
                io.Float.Input(
                    "max_gap",
                    default=0.5,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Joints that are missing for at most this many seconds are interpolated. 0 fills nothing.",
                ),
                io.Boolean.Input(
                    "repair",
                    default=True,
                    optional=True,
                    tooltip="Drop joints that jump away or stretch a bone, and undo exchanges of left and right.",
                ),
            ],
            outputs=[
                Motion.Output(display_name="motion", tooltip="The same clip, steadier."),
                io.String.Output(display_name="report", tooltip="What was repaired and what is still missing."),
            ],
        )

    @classmethod
    def execute(
        cls, motion: MotionValue, method: str, strength: float, max_gap: float, repair: bool = True
    ) -> io.NodeOutput:
        repaired = repair_motion(motion, RepairSettings(repair, max_gap))
        keypoints = smooth(repaired.motion.keypoints, motion.frame_rate, strength, method)
        smoothed = repaired.motion.with_keypoints(keypoints)
        return io.NodeOutput(smoothed, repaired.report.as_text(), ui=shown_motion(smoothed, motion))
