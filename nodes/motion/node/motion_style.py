"""Motion Style."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ..editing.style import MIRRORS, PRESETS, StyleSettings, style
from ..editing.style import preset as preset_named
from ..motion import Motion as MotionValue
from .player import shown_motion


class FrugalMotionStyle(FrugalNode):
    """Changes how a motion is done."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("exaggerate", "tempo", "speed", "slow motion", "mirror", "reverse", "loop", "robot")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalMotionStyle",
            display_name="Motion Style",
            category="Frugal Motion/Motion",
            description="Makes a motion calmer, bouncier, more robotic, slower, mirrored, endless… Limbs keep their "
            "lengths, and feet that stand stay planted.",
            inputs=[
                Motion.Input("motion", tooltip="Smooth it first: what exaggerates movement exaggerates jitter."),
                io.Combo.Input(
                    "preset",
                    options=list(PRESETS),
                    tooltip="The style to start from. The inputs below come on top; natural leaves all to them.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of everything on this node. 0 leaves the motion as it is.",
                ),
                _factor("arms", "How far arms swing around their usual place, times the preset's."),
                _factor("legs", "How far legs swing while their foot is in the air, times the preset's."),
                _factor("torso", "How far torso and head lean and the body shifts sideways, times the preset's."),
                _factor(
                    "bounce", "How far the body goes up and down, times the preset's. Above 1 it also dips in time."
                ),
                io.Float.Input(
                    "tempo",
                    default=1.0,
                    min=0.25,
                    max=4.0,
                    step=0.05,
                    tooltip="Speed, times the preset's. 2 halves the number of frames; the frame rate stays.",
                ),
                _share("ease", "How slowly the clip starts and ends; it is faster in between. Adds to the preset's."),
                _share("snap", "How long key poses are held before the body snaps to the next. Adds to the preset's."),
                _share("overshoot", "How far limbs swing past where they stop. Adds to the preset's."),
                _factor("detail", "Quick movement, above 2 Hz: 0 is fluid, 2 is jerky; times the preset's.", 2.0),
                io.Combo.Input(
                    "mirror",
                    options=list(MIRRORS),
                    tooltip="Exchange left and right. person: everyone stays in place. frame: the picture is mirrored.",
                ),
                io.Boolean.Input("reverse", default=False, tooltip="Play it backwards."),
                io.Boolean.Input(
                    "loop",
                    default=False,
                    tooltip="Let the last frame go on into the first. Shortens the clip by up to 0.6 s and a quarter.",
                ),
                io.Boolean.Input(
                    "keep_feet",
                    default=True,
                    tooltip="Feet that stand stay where they are. Turn it off if the camera moves.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The motion in its new style.")],
        )

    @classmethod
    def execute(
        cls, motion: MotionValue, preset: str, strength: float, torso: float, detail: float, **knobs: Any
    ) -> io.NodeOutput:
        own = StyleSettings(torso=torso, head=torso, sway=torso, high=detail, **knobs)
        styled = style(motion, preset_named(preset).combined(own), strength)
        return io.NodeOutput(styled, ui=shown_motion(styled, motion))


def _factor(name: str, tooltip: str, largest: float = 3.0) -> io.Float.Input:
    return io.Float.Input(name, default=1.0, min=0.0, max=largest, step=0.05, tooltip=tooltip)


def _share(name: str, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=0.0, min=0.0, max=1.0, step=0.05, tooltip=tooltip)
