"""To the Beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from comfy_api.latest import io

from ...host.frugal_node import FrugalNode, Motion
from ...host.video import audio_input
from ..editing.beats import CHOICES, beats_within, is_installed, not_installed
from ..editing.to_the_beat import BeatSettings, to_the_beat
from ..motion import Motion as MotionValue
from .player import shown_motion


class FrugalToTheBeat(FrugalNode):
    """Moves the accents of a motion onto the beats of a sound."""

    PRECOMPUTABLE = True
    SEARCH_ALIASES = ("dance", "music", "rhythm", "sync", "beat", "tempo", "onset")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalToTheBeat",
            display_name="To the Beat",
            category="Frugal Motion/Motion",
            description="Moves the accents of a motion, where limbs stop or turn, onto the beats of a sound. Only time "
            "is bent: every place stays where it is, and so do planted feet.",
            inputs=[
                Motion.Input("motion", tooltip="Smooth it first: who trembles stops everywhere."),
                io.Audio.Input("audio", tooltip="The sound that the motion will be played with."),
                io.Combo.Input(
                    "beats",
                    options=list(CHOICES),
                    tooltip="What accents are moved to. onsets: wherever a note, drum or syllable begins.",
                ),
                io.Int.Input(
                    "first_beat",
                    default=1,
                    min=1,
                    max=4,
                    tooltip="Which beat of the clip is the first that counts, for every 2nd or 4th: so they can be the "
                    "downbeats.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of the way accents go. 0 leaves the motion as it is.",
                ),
                io.Float.Input(
                    "max_shift",
                    default=0.35,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="Seconds that an accent is moved at most. Those further from a beat are left alone.",
                ),
                io.Float.Input(
                    "max_speed",
                    default=3.0,
                    min=1.0,
                    max=10.0,
                    step=0.1,
                    tooltip="No frame plays more than so many times as fast, or as slowly, as it did.",
                ),
                io.Float.Input(
                    "sound_start",
                    default=0.0,
                    min=-3600.0,
                    max=3600.0,
                    step=0.01,
                    tooltip="Seconds from the first frame to the start of the sound; below 0 where the sound began "
                    "before.",
                ),
                io.Int.Input(
                    "person",
                    default=0,
                    min=0,
                    max=100,
                    tooltip="Whose accents count: 1 is the first person, 0 everyone. All stay in step.",
                ),
            ],
            outputs=[
                Motion.Output(display_name="motion", tooltip="The same movement, in time; as many frames as before."),
                io.String.Output(display_name="report", tooltip="How many accents met a beat, and how far they were."),
            ],
        )

    @classmethod
    def validate_inputs(cls, beats: str | None = None) -> bool | str:
        """Say what is not installed before anything has run. ComfyUI asks only about an input that is no wire."""
        return True if is_installed() else not_installed()

    @classmethod
    def execute(
        cls,
        motion: MotionValue,
        audio: Any,
        beats: str = "every beat",
        first_beat: int = 1,
        strength: float = 1.0,
        max_shift: float = 0.35,
        max_speed: float = 3.0,
        sound_start: float = 0.0,
        person: int = 0,
    ) -> io.NodeOutput:
        settings = BeatSettings(strength, max_shift, max_speed, person - 1)
        seconds = motion.frame_count / float(motion.frame_rate)
        sound = audio_input(audio)
        marks = beats_within(sound, seconds, beats, first_beat, sound_start) if sound else np.zeros(0)
        moved = to_the_beat(motion, marks, settings)
        return io.NodeOutput(moved.motion, moved.as_text(), ui=shown_motion(moved.motion, motion, marks))
