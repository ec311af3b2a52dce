"""Retarget Motion."""

from __future__ import annotations

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ..editing.retarget import SCALES, RetargetSettings, retarget
from ..motion import Motion as MotionValue
from .player import shown_motion


class FrugalRetargetMotion(FrugalNode):
    """Fits a motion to another body."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("proportions", "other body", "character", "skeleton")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalRetargetMotion",
            display_name="Retarget Motion",
            category="Frugal Motion/Motion",
            description="Gives a motion the proportions of another body, such as the character that will be drawn. "
            "Every limb keeps its angle; feet keep to the ground.",
            inputs=[
                Motion.Input("motion", tooltip="The movement. Smooth it first: jitter makes bones look too long."),
                Motion.Input(
                    "reference",
                    tooltip="The body: Extract Pose of a picture, best of someone who stands and faces the camera, or "
                    "of a clip.",
                ),
                io.Combo.Input(
                    "scale",
                    options=list(SCALES),
                    tooltip="keep: as tall as the one who moves. reference: as tall as the reference in its picture. "
                    "fit: the same, but made smaller where a joint would leave the frame.",
                ),
                io.Int.Input(
                    "reference_person",
                    default=0,
                    min=0,
                    max=100,
                    tooltip="Whose body: 1 is the first person of the reference, for everyone. 0: the first for the "
                    "first, the second for the second; those without one stay as they are.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 leaves the motion as it is, 0.5 is half way between the two bodies.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The same movement, done by the other body.")],
        )

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        reference: MotionValue,
        scale: str = "keep",
        reference_person: int = 0,
        strength: float = 1.0,
    ) -> io.NodeOutput:
        retargeted = retarget(motion, reference, RetargetSettings(scale, reference_person, strength))
        return io.NodeOutput(retargeted, ui=shown_motion(retargeted, motion))
