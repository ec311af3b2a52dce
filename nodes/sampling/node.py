"""The nodes that use the GPU for diffusion."""

from __future__ import annotations

import logging
from typing import Any

import comfy.samplers
import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..errors import InputError
from ..host.lists import broadcast, only
from ..host.node import FrugalNode, Keyframes
from ..host.progress import LatentProgress, Progress
from ..host.video import as_stream
from ..keyframes.keyframes import Keyframes as Plan
from ..video.tensors import to_image
from .families import check_families
from .keyframe_control import keyframed
from .sampler import BatchSampler, Clip, Control, Settings, control_hints, decode, encode, grouped

logger = logging.getLogger(__name__)

MODES = ["sparse", "dense"]


class FrugalKeyframeControlNet(FrugalNode):
    """Makes any ControlNet run on keyframes only, for any sampler."""

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
            ],
            outputs=[io.ControlNet.Output(tooltip="Takes one hint per frame, or one per keyframe.")],
        )

    @classmethod
    def execute(cls, control_net: Any, keyframes: Plan) -> io.NodeOutput:
        return io.NodeOutput(keyframed(control_net, keyframes))


class FrugalKeyframeSampler(FrugalNode):
    """Samples the keyframes of a clip, or all its frames under keyframed control."""

    DEVICE = "gpu"

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FrugalKeyframeSampler",
            display_name="Keyframe ControlNet Sampler",
            category="Frugal Motion/Sampling",
            description="Redraws a clip with a ControlNet. Sparse: samples the keyframes and leaves the rest to "
            "Interpolate Frames, so every 4th frame costs a quarter. Dense: samples every frame, with the ControlNet "
            "on keyframes only. All frames of a clip start from the same noise. Lists of hints, keyframes, prompts, "
            "seeds or videos are several clips: they share batches, and a clip comes out as it would alone.",
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
                    options=MODES,
                    default="sparse",
                    tooltip="sparse: keyframes only, the cheapest. dense: every frame, with interpolated control.",
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
            ],
            outputs=[
                io.Image.Output(display_name="frames", is_output_list=True, tooltip="The sampled frames."),
                Keyframes.Output(
                    display_name="keyframes", is_output_list=True, tooltip="Which frames of the clip they are."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
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
    ) -> io.NodeOutput:
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
        chosen = {name: only(name, values) for name, values in shared.items()}
        _check_choice("mode", chosen["mode"], MODES)
        _check_choice("sampler_name", chosen["sampler_name"], comfy.samplers.KSampler.SAMPLERS)
        _check_choice("scheduler", chosen["scheduler"], comfy.samplers.KSampler.SCHEDULERS)
        parts = only("model", model), only("vae", vae), only("control_net", control_net)
        clips, failed = _clips(inputs, parts, chosen["mode"], chosen["denoise"])
        frames = _sampled(parts, chosen, clips)
        plans = [_plan_of_result(clip.keyframes, chosen["mode"]) for clip in clips]
        return io.NodeOutput(frames, plans, ui=ui.PreviewText(_report(parts[0], clips, failed)))


def _clips(
    inputs: list[dict[str, Any]], parts: tuple[Any, Any, Any], mode: str, denoise: float
) -> tuple[list[Clip], dict[int, InputError]]:
    """The clips that can be sampled, and by number (from 0) what is wrong with the others.

    Raises:
        InputError: all are wrong; says what is wrong with the first.
    """
    clips: list[Clip] = []
    failed: dict[int, InputError] = {}
    for number, given in enumerate(inputs):
        try:
            clips.append(_clip(given, parts, mode, denoise))
        except InputError as error:
            failed[number] = error
            logger.warning("Keyframe Sampler: clip %d is left out: %s", number + 1, error)
    if not clips:
        raise next(iter(failed.values()))
    return clips, failed


def _clip(given: dict[str, Any], parts: tuple[Any, Any, Any], mode: str, denoise: float) -> Clip:
    model, vae, control_net = parts
    check_families(model, vae, control_net, given["positive"], given["negative"])
    keyframes: Plan = given["keyframes"]
    frames = keyframes.frames if mode == "sparse" else tuple(range(keyframes.frame_count))
    hints = control_hints(given["control_images"], keyframes)
    latents = _start_latents(vae, hints, frames, keyframes, given["source_video"], denoise)
    return Clip(given["positive"], given["negative"], hints, keyframes, latents, given["seed"])


def _sampled(parts: tuple[Any, Any, Any], chosen: dict[str, Any], clips: list[Clip]) -> list[torch.Tensor]:
    """Every clip's frames ``(n, h, w, 3)``, in the order of the clips."""
    model, vae, control_net = parts
    control = Control(control_net, chosen["control_strength"], chosen["control_start"], chosen["control_end"])
    settings = Settings(
        chosen["mode"],
        chosen["steps"],
        chosen["cfg"],
        chosen["sampler_name"],
        chosen["scheduler"],
        chosen["denoise"],
    )
    rows = sum(len(clip.latents) for clip in clips)
    bar = LatentProgress(model, settings.steps, rows)
    latents: list[list[torch.Tensor]] = [[] for _ in clips]
    for group in grouped(clips):
        sampler = BatchSampler(model, vae, control, settings, [clips[index] for index in group], bar)
        for index, part in sampler.run():
            latents[group[index]].append(part)
    progress = Progress(rows)
    return [_decoded(vae, torch.cat(parts_of_clip), progress) for parts_of_clip in latents]


def _report(model: Any, clips: list[Clip], failed: dict[int, InputError]) -> str:
    frames = sum(len(clip.latents) for clip in clips)
    precision = str(model.model_dtype()).removeprefix("torch.")
    lines = [f"{frames} frames of {len(clips)} clip{'s' * (len(clips) != 1)} in {precision}"]
    return "\n".join([*lines, *(f"clip {number + 1} is left out: {error}" for number, error in failed.items())])


def _check_choice(name: str, value: str, options: list[str]) -> None:
    # ComfyUI 0.3.75 does not validate the combos of V3 nodes.
    if value not in options:
        raise InputError(name, repr(value), ", ".join(options))


def _start_latents(
    vae: Any, hints: torch.Tensor, frames: tuple[int, ...], keyframes: Plan, source: Any, denoise: float
) -> torch.Tensor:
    """Latents to start from: the source's frames, or zeros of the hints' size."""
    factor = vae.spacial_compression_encode()
    width, height = hints.shape[2] // factor, hints.shape[1] // factor
    if denoise >= 1:
        return torch.zeros(len(frames), 4, height, width)
    if source is None:
        raise InputError(
            "denoise", f"{denoise} without a source video", "1", "Connect source_video to keep some of it."
        )
    stream = as_stream(source)
    if stream.info.frame_count != keyframes.frame_count:
        found = f"{stream.info.frame_count} frames"
        raise InputError("source_video", found, f"{keyframes.frame_count}, as the keyframes were planned for")
    images = to_image(stream.frames_at(frames)).movedim(-1, 1)
    fitted = comfy.utils.common_upscale(images, width * factor, height * factor, "area", "disabled")
    return encode(vae, fitted.movedim(1, -1))


def _decoded(vae: Any, latents: torch.Tensor, progress: Progress) -> torch.Tensor:
    batches = []
    for batch in decode(vae, latents):
        batches.append(batch)
        progress.step(len(batch))
    return torch.cat(batches)


def _plan_of_result(keyframes: Plan, mode: str) -> Plan:
    if mode == "sparse":
        return keyframes
    return Plan.all_frames(keyframes.frame_count, keyframes.frame_rate, keyframes.cuts)
