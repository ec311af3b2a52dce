"""Edit Motion."""

from __future__ import annotations

from comfy_api.latest import Input, io

from ...host.frugal_node import FrugalNode, Motion
from ..editing.by_hand.apply import edited
from ..editing.by_hand.edits import parse
from ..editing.by_hand.told import told
from ..motion import Motion as MotionValue
from .edit_shown import shown_edit


class FrugalEditMotion(FrugalNode):
    """Applies what was edited by hand."""

    ONLY_SHOWS = True
    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("keyframe", "fix pose", "drag joint", "ik", "animate", "pose editor", "retime", "hold", "curve")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalEditMotion",
            display_name="Edit Motion",
            category="Frugal Motion/Motion",
            description="Puts a motion right by hand: drag joints, and the change fades in and out over time; copy "
            "poses, hold, speed up, cut, mirror, exchange people. Bones keep their lengths.",
            inputs=[
                Motion.Input("motion", tooltip="What to edit. Smooth it first, so that only real mistakes are left."),
                io.String.Input(
                    "edits",
                    multiline=True,
                    default="",
                    tooltip="The edits, as JSON. The editor on the node writes them; the help page describes them.",
                ),
                io.Video.Input(
                    "video", optional=True, tooltip="The clip, to be seen behind the skeleton. Changes nothing else."
                ),
            ],
            outputs=[
                Motion.Output(display_name="motion", tooltip="The motion after all edits."),
                io.String.Output(display_name="report", tooltip="What was edited; what was skipped, and why."),
            ],
            # ComfyUI sends panels again what is in its cache only of outputs; and has a button that runs up to one.
            is_output_node=True,
        )

    @classmethod
    def execute(cls, motion: MotionValue, edits: str = "", video: Input.Video | None = None) -> io.NodeOutput:
        asked = parse(edits)
        result = edited(motion, asked)
        shown = shown_edit(motion, asked, video, result.motion, result.notes, cls.stage())
        return io.NodeOutput(result.motion, told(asked, result.notes), ui=shown)
