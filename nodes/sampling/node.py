"""The nodes that use the GPU for diffusion."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch
from comfy_api.latest import io, ui
from comfy_execution.graph_utils import ExecutionBlocker

from ..batched import Batched, JobResults
from ..errors import InputError
from ..host.lists import broadcast, only
from ..host.node import FrugalNode, InterpolationModel, Keyframes, note_shares
from ..host.progress import show_on_node
from ..host.video import as_stream
from ..keyframes.keyframes import Keyframes as Plan
from .edit import EDIT_MODES, ClipInput, Editor, EditSettings, Models
from .keyframe_control import keyframed, not_interpolated
from .sampler import Control, Mode, SampledClip, SamplerSettings
from .step_preview import strip_of

logger = logging.getLogger(__name__)


class FrugalKeyframeControlNet(FrugalNode):
    """Makes any ControlNet run on keyframes only, for any sampler."""

    SEARCH_ALIASES = ("apply controlnet", "reuse residuals", "cheap", "faster")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalKeyframeControlNet",
            display_name="Keyframe ControlNet",
            category="Frugal Motion/Sampling",
            description="Runs a ControlNet on the keyframes of a batch only and interpolates its residuals for the "
            "frames between them. Put it between the ControlNet loader and Apply ControlNet; sample the clip's frames "
            "as one batch with the same noise.",
            inputs=[
                io.ControlNet.Input("control_net", tooltip="Any image ControlNet."),
                Keyframes.Input("keyframes", tooltip="From Plan Keyframes, for the frames of the latent batch."),
                io.Int.Input(
                    "reuse_steps",
                    default=1,
                    min=1,
                    max=8,
                    optional=True,
                    tooltip="2 runs the net at every other step and uses its residuals twice. 1 is exact.",
                ),
            ],
            outputs=[io.ControlNet.Output(tooltip="Takes one hint per frame, or one per keyframe.")],
        )

    @classmethod
    def execute(cls, control_net: Any, keyframes: Plan, reuse_steps: int = 1) -> io.NodeOutput:
        unknown = not_interpolated(control_net)
        if unknown:
            _warn(_every_frame(unknown))
            return io.NodeOutput(control_net)
        return io.NodeOutput(keyframed(control_net, keyframes, reuse_steps))


class FrugalTextLines(FrugalNode):
    """Prompts, one per clip."""

    SEARCH_ALIASES = ("prompts", "split text", "prompt list", "batch")

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalTextLines",
            display_name="Text Lines",
            category="Frugal Motion/Sampling",
            description="Gives every line of a text by itself: with CLIP Text Encode behind it, a prompt for each of "
            "several clips.",
            inputs=[io.String.Input("text", multiline=True, tooltip="One line per clip. Empty lines do not count.")],
            outputs=[io.String.Output(display_name="lines", is_output_list=True, tooltip="The lines, in order.")],
        )

    @classmethod
    def execute(cls, text: str) -> io.NodeOutput:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise InputError("text", "no lines", "one line or more")
        return io.NodeOutput(lines)


class FrugalKeyframeSampler(FrugalNode):
    """Samples the keyframes of a clip, or all its frames under keyframed control."""

    DEVICE = "gpu"
    BATCHED = Batched(
        "FrugalJobsSampler",
        by_job=frozenset({"positive", "negative", "control_images", "keyframes", "seed", "source_video"}),
        outputs=("The sampled frames of a job.", "Which frames of its clip they are."),
        called="samplers",
    )
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
                    tooltip="The clip itself; needed for denoise below 1. Only frames that are sampled get encoded.",
                ),
                InterpolationModel.Input(
                    "interp_model", optional=True, tooltip="For hybrid: RIFE or FILM, from any loader."
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


@dataclass(frozen=True)
class Samples:
    """What has become of several clips.

    Attributes:
        frames, keyframes: by clip; those of one that is left out block what is behind them.
        failed: by number (from 1), why a clip is left out.
        report: for people.
    """

    frames: list[Any]
    keyframes: list[Any]
    failed: dict[int, InputError]
    report: str


def sampled(
    model: list[Any],
    control_net: list[Any],
    vae: list[Any],
    positive: list[Any],
    negative: list[Any],
    control_images: list[torch.Tensor],
    keyframes: list[Plan],
    seed: list[int],
    source_video: list[Any] | None = None,
    **shared: list[Any],
) -> Samples:
    """Sample the clips that lists of the sampler's inputs mean, together.

    Raises:
        InputError: an input does not fit the others, or none of the clips can be sampled.
    """
    inputs = broadcast(
        {
            "positive": positive,
            "negative": negative,
            "control_images": control_images,
            "keyframes": keyframes,
            "seed": seed,
            "source_video": source_video or [None],
        }
    )
    editor = _editor(
        only("model", model),
        only("vae", vae),
        only("control_net", control_net),
        **{name: only(name, values) for name, values in shared.items()},
    )
    clips, failed = _prepared(editor, inputs)
    edited = iter(editor.edit(clips))
    note_shares(_shares(clips, failed))
    results = [None if number in failed else next(edited) for number in range(1, len(inputs) + 1)]
    # Blocks what is behind it for this clip alone, so that lists keep their order.
    blocked = ExecutionBlocker(None)
    return Samples(
        [result.frames if result else blocked for result in results],
        [result.keyframes if result else blocked for result in results],
        failed,
        _report(editor, clips, failed),
    )


def _editor(
    model: Any,
    vae: Any,
    control_net: Any,
    *,
    mode: Any,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    denoise: float,
    control_strength: float,
    control_start: float,
    control_end: float,
    interp_model: Any = None,
    refine_steps: int = 4,
    refine_denoise: float = 0.3,
    anchor: float = 0.0,
    steady_colours: float = 0.0,
) -> Editor:
    _check_choice("mode", mode, EDIT_MODES)
    _check_choice("sampler_name", sampler_name, comfy.samplers.KSampler.SAMPLERS)
    _check_choice("scheduler", scheduler, comfy.samplers.KSampler.SCHEDULERS)
    rows: Mode = "dense" if mode == "dense" else "sparse"
    control = Control(control_net, control_strength, control_start, control_end)
    sampling = SamplerSettings(rows, steps, cfg, sampler_name, scheduler, denoise, anchor)
    settings = EditSettings(mode, sampling, refine_steps, refine_denoise, steady_colours)
    return Editor(Models(model, vae, control, interp_model), settings)


def _prepared(editor: Editor, inputs: list[dict[str, Any]]) -> tuple[list[SampledClip], dict[int, InputError]]:
    """The clips that can be sampled, and by number (from 1) what is wrong with the others.

    Raises:
        InputError: all are wrong; says what is wrong with the first.
    """
    clips: list[SampledClip] = []
    failed: dict[int, InputError] = {}
    for number, given in enumerate(inputs, 1):
        source = given.pop("source_video")
        try:
            clips.append(editor.prepare(ClipInput(**given, source_video=as_stream(source) if source else None)))
        except InputError as error:
            failed[number] = error
            logger.warning("Keyframe Sampler: clip %d is left out: %s", number, error)
    if not clips:
        raise next(iter(failed.values()))
    return clips, failed


def _shares(clips: list[SampledClip], failed: Collection[int]) -> dict[int, float]:
    """Sampled frames by place in the list, where a clip that has failed has none."""
    frames = iter(clips)
    count = len(clips) + len(failed)
    return {n - 1: 0.0 if n in failed else float(len(next(frames).latents)) for n in range(1, count + 1)}


def _report(editor: Editor, clips: list[SampledClip], failed: dict[int, InputError]) -> str:
    frames = sum(len(clip.latents) for clip in clips)
    precision = str(editor.models.model.model_dtype()).removeprefix("torch.")
    lines = [f"{frames} frames of {len(clips)} clip{'s' * (len(clips) != 1)} in {precision}"]
    unknown = editor.not_interpolated()
    if unknown:
        lines.append(_every_frame(unknown))
    return "\n".join([*lines, *(f"clip {number} is left out: {error}" for number, error in failed.items())])


def _every_frame(control: str) -> str:
    return f"{control} cannot be interpolated between keyframes; it runs on every frame."


def _warn(text: str) -> None:
    logger.warning("Keyframe ControlNet: %s", text)
    show_on_node(text)


def _check_choice(name: str, value: str, options: Sequence[str]) -> None:
    # ComfyUI 0.3.75 does not validate the combos of V3 nodes.
    if value not in options:
        raise InputError(name, repr(value), ", ".join(options))


NODES = (FrugalKeyframeControlNet, FrugalKeyframeSampler, FrugalTextLines)
