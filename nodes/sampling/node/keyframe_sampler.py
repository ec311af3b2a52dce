"""Keyframe ControlNet Sampler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import comfy.samplers
from comfy_api.latest import io, ui

from ...batched import Batched, JobResults
from ...host.frugal_node import FrugalNode, InterpolationModel, Keyframes, Motion
from .. import forecast
from ..editor import EDIT_MODES
from ..several_clips import sampled
from ..step_preview import strip_of


class FrugalKeyframeSampler(FrugalNode):
    """Samples the keyframes of a clip, or all its frames under keyframed control."""

    FORECAST = staticmethod(forecast.sample_keyframes)
    DEVICE = "gpu"
    BATCHED = Batched(
        "FrugalJobsSampler",
        by_job=frozenset(
            {
                "positive",
                "negative",
                "control_images",
                "keyframes",
                "seed",
                "source_video",
                "motion",
                "mask",
                "reference",
            }
        ),
        outputs=("The sampled frames of a job.", "Which frames of its clip they are."),
        called="samplers",
    )
    NEUTRAL_INPUTS: ClassVar[Mapping[str, Any]] = {
        "reference_strength": 1.0,
        "reference_start": 0.0,
        "reference_end": 1.0,
    }
    SEARCH_ALIASES = ("ksampler", "vid2vid", "video to video", "img2img", "restyle", "openpose", "cheap", "batch")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalKeyframeSampler",
            display_name="Keyframe ControlNet Sampler",
            category="Frugal Motion/Sampling",
            description="Redraws a clip with a ControlNet. Sparse: samples the keyframes and leaves the rest to "
            "Interpolate Frames, so every 4th frame costs a quarter. Hybrid: interpolates here and redraws what lies "
            "between in a few steps. Dense: samples every frame, with the ControlNet on keyframes only. All frames of "
            "a clip start from the same noise. Lists of hints, keyframes, prompts, seeds or videos are several clips: "
            "they share batches, and a clip comes out as it would alone.",
            is_input_list=True,
            inputs=[
                io.Model.Input("model", tooltip="An image model (SD1.5, SDXL…), with LoRAs or patches as you like."),
                io.ControlNet.Input("control_net", tooltip="A ControlNet of the same family, e.g. openpose."),
                io.Vae.Input("vae", tooltip="Encodes the source frames and decodes the result, in small batches."),
                io.Conditioning.Input("positive", tooltip="What the result should look like."),
                io.Conditioning.Input("negative", tooltip="What it should not look like."),
                io.Image.Input("control_images", tooltip="Hints: one per keyframe, or one per frame of the clip."),
                Keyframes.Input("keyframes", tooltip="Which frames are sampled; from Plan Keyframes."),
                io.Combo.Input(
                    "mode",
                    options=list(EDIT_MODES),
                    default="sparse",
                    tooltip="sparse: keyframes only, the cheapest. hybrid: the frames between are interpolated and "
                    "redrawn lightly. dense: every frame, with interpolated control.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="All frames start from the noise of this seed. Keep it fixed, or no cache can help.",
                ),
                io.Int.Input("steps", default=18, min=1, max=200, tooltip="15 to 20 are enough for DPM++ 2M Karras."),
                io.Float.Input(
                    "cfg", default=7.0, min=0.0, max=30.0, step=0.1, tooltip="How strictly to follow the prompt."
                ),
                io.Combo.Input(
                    "sampler_name",
                    options=comfy.samplers.KSampler.SAMPLERS,
                    default="dpmpp_2m",
                    tooltip="How to get from noise to picture. Frames share what noise it adds on the way.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=comfy.samplers.KSampler.SCHEDULERS,
                    default="karras",
                    tooltip="The noise levels.",
                ),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="1: from pure noise. Less: start from the source video and keep more of it.",
                ),
                io.Float.Input(
                    "control_strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip="How strictly to follow the hints.",
                ),
                io.Float.Input(
                    "control_start",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Where control begins, as in Apply ControlNet: 0 is pure noise.",
                ),
                io.Float.Input(
                    "control_end",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    tooltip="Where it ends: 1 is the finished picture. 0.8 frees fine detail.",
                ),
                io.Video.Input(
                    "source_video",
                    optional=True,
                    tooltip="The clip itself; needed for denoise below 1, and for a mask. Only sampled frames "
                    "get encoded.",
                ),
                InterpolationModel.Input(
                    "interp_model", optional=True, tooltip="For hybrid: RIFE or FILM, from any loader."
                ),
                Motion.Input(
                    "motion",
                    optional=True,
                    tooltip="For hybrid: the motion that Draw Pose got. People in the frames between follow it, "
                    "where that tells the keyframes better than the model alone.",
                ),
                io.Int.Input(
                    "refine_steps",
                    default=4,
                    min=1,
                    max=50,
                    optional=True,
                    tooltip="For hybrid: steps for the frames between, without ControlNet.",
                ),
                io.Float.Input(
                    "refine_denoise",
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="For hybrid: how much of the frames between is redrawn. 0 leaves them as interpolated.",
                ),
                io.Float.Input(
                    "anchor",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="How much frames look at the clip's first and at the keyframe before them, to come out "
                    "alike. 0 costs nothing; above, attention takes about three times as long. SD1.5 and SDXL.",
                ),
                io.Float.Input(
                    "steady_colours",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Pull the colours of every frame towards the mean of its shot.",
                ),
                io.MultiType.Input(
                    "mask",
                    [io.Mask, io.Video],
                    optional=True,
                    tooltip="Only what is white is redrawn, the rest of source_video stays. A video from Person Masks, "
                    "or a MASK: one for all, one per keyframe or one per frame.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="One picture that all frames look at, to come out like it; the prompt may leave the look "
                    "open. What is transparent is not seen. Cropped to the frames' shape. SD1.5 and SDXL.",
                ),
                io.Float.Input(
                    "reference_strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="How much of the reference is seen. 0: nothing, at no cost.",
                ),
                io.Float.Input(
                    "reference_start",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    optional=True,
                    tooltip="Where looking at the reference begins: 0 is pure noise.",
                ),
                io.Float.Input(
                    "reference_end",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    optional=True,
                    tooltip="Where it ends: 1 is the finished picture.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", is_output_list=True, tooltip="The sampled frames."),
                Keyframes.Output(
                    display_name="keyframes", is_output_list=True, tooltip="Which frames of the clip they are."
                ),
            ],
        )

    @classmethod
    def execute(cls, **lists: list[Any]) -> io.NodeOutput:
        samples = sampled(**lists)
        first = next(place for place in range(len(samples.frames)) if place + 1 not in samples.failed)
        strip = strip_of(samples.frames[first], samples.keyframes[first], samples.report)
        shown = {**ui.PreviewText(samples.report).as_dict(), "frugal_sampled": [strip]}
        return io.NodeOutput(samples.frames, samples.keyframes, ui=shown)

    @classmethod
    def execute_for_jobs(cls, **lists: list[Any]) -> JobResults:
        samples = sampled(**lists)
        left_out = {number - 1: str(error) for number, error in samples.failed.items()}
        return JobResults((samples.frames, samples.keyframes), left_out, samples.report)
