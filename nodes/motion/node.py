"""The nodes that edit a motion."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import Input, io, ui

from ..host.node import FrugalNode, Motion
from ..host.video import as_stream
from ..strict_json import to_json
from ..video.tensors import to_image
from .cleaning.repair import RepairSettings
from .cleaning.repair import repair as repair_motion
from .cleaning.smooth import METHODS, smooth
from .editing.align import blend
from .editing.retarget import SCALES, RetargetSettings, retarget
from .editing.style import MIRRORS, PRESETS, StyleSettings, style
from .editing.style import preset as preset_named
from .framing import reframed
from .motion import Motion as MotionValue
from .player import shown_motion
from .report.chart import draw_report
from .report.quality import measure


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


class FrugalMotionReport(FrugalNode):
    """Says how good a motion is."""

    SEARCH_ALIASES = ("quality", "metrics", "compare", "foot slide")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalMotionReport",
            display_name="Motion Report",
            category="Frugal Motion/Motion",
            description="Measures a motion and draws it: jitter, bone lengths, foot slide, gaps, curves and poses; "
            "against another where one is wired.",
            is_output_node=True,
            inputs=[
                Motion.Input("motion", tooltip="What to report on."),
                Motion.Input("before", optional=True, tooltip="The same clip before it was edited, to compare with."),
            ],
            outputs=[
                io.Image.Output(display_name="picture", tooltip="Numbers, curves, coverage and poses."),
                io.String.Output(display_name="json", tooltip="The numbers, of everyone and of each person."),
            ],
        )

    @classmethod
    def execute(cls, motion: MotionValue, before: MotionValue | None = None) -> io.NodeOutput:
        measured = {"motion": measure(motion).as_dict(), "before": measure(before).as_dict() if before else None}
        picture = to_image(draw_report(motion, before)[None])
        return io.NodeOutput(picture, to_json(measured), ui=ui.PreviewImage(picture, cls=cls))


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


class FrugalFitMotion(FrugalNode):
    """Moves a motion into another picture of its clip."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("crop", "resize pose", "reframe")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalFitMotion",
            display_name="Fit Motion to Video",
            category="Frugal Motion/Motion",
            description="Finds the pose in one Load Video and uses it in another of the same file, at another size, "
            "fit or crop: say, found in the whole picture, used in a square cut out of it.",
            inputs=[
                Motion.Input("motion", tooltip="Found in a clip from Load Video."),
                io.Video.Input(
                    "video",
                    tooltip="The same file from another Load Video, with the same start, duration and frame rate.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="The same movement, where that video shows it.")],
        )

    @classmethod
    def execute(cls, motion: MotionValue, video: Input.Video) -> io.NodeOutput:
        fitted = reframed(motion, as_stream(video).info)
        return io.NodeOutput(fitted, ui=shown_motion(fitted))  # before, its places were those of another picture


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


class FrugalBlendMotions(FrugalNode):
    """Mixes two motions in step."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("mix", "morph", "average")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalBlendMotions",
            display_name="Blend Motions",
            category="Frugal Motion/Motion",
            description="Mixes two motions after bringing them into step, such as two walks or two takes of a dance.",
            inputs=[
                Motion.Input("motion_a", tooltip="Gives the frame rate and the size of the frame."),
                Motion.Input("motion_b", tooltip="May have another length, rate or frame size."),
                io.Float.Input(
                    "weight",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 is motion_a, 1 is motion_b; poses, places and timing lie in between.",
                ),
                io.Boolean.Input(
                    "align",
                    default=True,
                    tooltip="Find which moments belong together. Off: only the lengths are matched.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion", tooltip="People and joints that both motions have.")],
        )

    @classmethod
    def execute(cls, motion_a: MotionValue, motion_b: MotionValue, weight: float, align: bool = True) -> io.NodeOutput:
        blended = blend(motion_a, motion_b, weight, align)
        return io.NodeOutput(blended, ui=shown_motion(blended, motion_a))


NODES = (
    FrugalSmoothMotion,
    FrugalMotionReport,
    FrugalMotionStyle,
    FrugalBlendMotions,
    FrugalRetargetMotion,
    FrugalFitMotion,
)
