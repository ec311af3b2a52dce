"""What sampling will take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, cast

from ..errors import InputError
from ..forecast import core_sampling
from ..forecast.edit_work import Calls, Edit, EditedClip, Mode, Nets, Size
from ..forecast.facts import (
    Clips,
    Conditioning,
    ControlNet,
    EditPlan,
    Forecast,
    Interpolator,
    Latents,
    Model,
    Texts,
    Vae,
)
from ..forecast.inputs import Inputs
from ..keyframes.keyframes import Keyframes
from .anchors import ANCHORS
from .calls import model_calls
from .control_range import check_range
from .editor import EDIT_MODES
from .lines import text_lines
from .reference import TIMES
from .sampler import BY_THE_PICTURE
from .windows import Windows, window_spans

LOADERS = "one of CheckpointLoaderSimple, UNETLoader, VAELoader, ControlNetLoader and others of ComfyUI's own"


def list_texts(inputs: Inputs) -> Forecast:
    """So many prompts as there are lines."""
    return Forecast((Texts(len(text_lines(str(inputs.value("text")))), inputs.node_id),))


def limit_control(inputs: Inputs) -> Forecast:
    """A ControlNet that runs on keyframes only."""
    control, plan = inputs.fact("control_net", ControlNet), inputs.fact("keyframes", Clips)
    return Forecast((replace(control, keyframes=plan.frames) if control and plan else control,))


def limit_control_range(inputs: Inputs) -> Forecast:
    """A model whose control counts for a part of the sampling; of several such parts, where all do."""
    model = inputs.fact("model", Model)
    if model is None:
        return Forecast()
    (first, last), start, end = model.guided, inputs.number("start", 0.0), inputs.number("end", 0.5)
    check_range(start, end)
    return Forecast((replace(model, guided=(max(first, start), min(last, end))),))


def sample_requests(inputs: Inputs) -> Forecast | None:
    """What KSampler takes, for all requests."""
    return core_sampling.sample(inputs, _cut(inputs))


def _cut(inputs: Inputs) -> core_sampling.Cut | None:
    """How the node cuts long clips."""
    window = int(inputs.number("window", 0))
    if not window:
        return None
    windows = Windows.of_frames(window, int(inputs.number("overlap", 16)))

    def cut(latents: Latents) -> Iterator[Latents]:
        for span in window_spans((latents.frames or 1) - latents.leading, windows):
            yield replace(latents, frames=len(span) + latents.leading)

    return cut


def sample_keyframes(inputs: Inputs) -> Forecast:
    """Keyframes, or all frames under their control."""
    mode = inputs.value("mode", "sparse")
    if mode not in EDIT_MODES:
        raise InputError("mode", repr(mode), ", ".join(EDIT_MODES))
    model = inputs.needed("model", Model, LOADERS)
    vae, control = inputs.needed("vae", Vae, LOADERS), inputs.needed("control_net", ControlNet, LOADERS)
    edit = Edit(_clips(inputs), mode=cast(Mode, mode), **_settings(inputs, model))
    nets = Nets(
        unet=model.unet,
        look=model.look,
        control=inputs.counted(control.work, "ControlNet"),
        encode=inputs.counted(vae.encode, "VAE"),
        decode=inputs.counted(vae.decode, "VAE"),
        weights=model.weights + control.weights,
        row_memory=model.row_memory,
    )
    nodes = dict.fromkeys(("encode", "sample", "decode"), inputs.node_id)
    if mode == "hybrid":
        interpolator = inputs.needed("interp_model", Interpolator, "a loader of RIFE or FILM")
        nets = replace(nets, prepare=interpolator.prepare, interpolate=interpolator.interpolate)
        nodes["interpolate"] = inputs.node_id
    plan = EditPlan(edit, nets, nodes)
    result = edit.clips if mode == "sparse" else tuple(map(_with_all_frames, edit.clips))
    return Forecast((Clips(result, plan, is_image=True), Clips(result)), edit=plan)


def _settings(inputs: Inputs, model: Model) -> dict[str, Any]:
    value = inputs.value
    denoise, sampler = float(value("denoise", 1.0)), str(value("sampler_name", "dpmpp_2m"))
    calls = partial(_calls, model.model_sampling, sampler, str(value("scheduler", "karras")))
    control_range = float(value("control_start", 0.0)), float(value("control_end", 1.0))
    counts: Calls = partial(calls, denoise, control_range if value("control_strength", 1.0) else None)
    refine_denoise = float(value("refine_denoise", 0.3))
    if sampler == BY_THE_PICTURE:
        inputs.notes.append(f"{sampler} chooses its steps by the picture: the estimate is a guess.")
    looks_from_to = float(value("reference_start", 0.0)), float(value("reference_end", 1.0))
    has_reference = inputs.is_wired("reference") and float(value("reference_strength", 1.0)) > 0
    return {
        "steps": int(value("steps", 18)),
        "refine_steps": int(value("refine_steps", 4)),
        "cfg": float(value("cfg", 7.0)) != 1 or "cfg_pp" in sampler,
        "encodes": denoise < 1 or inputs.is_wired("mask"),
        "refines": refine_denoise > 0,
        "calls": counts,
        "refine_calls": partial(calls, refine_denoise, None),
        "anchors": ANCHORS if float(value("anchor", 0.0)) > 0 else 0,
        "references": TIMES,
        "looks": partial(_looks, calls, denoise, looks_from_to) if has_reference else None,
        "refine_looks": partial(_looks, calls, refine_denoise, looks_from_to) if has_reference else None,
    }


def _calls(
    model_sampling: Any,
    sampler: str,
    scheduler: str,
    denoise: float,
    control_range: tuple[float, float] | None,
    steps: int,
) -> tuple[int, int]:
    net, control = model_calls(model_sampling, sampler, scheduler, steps, denoise, control_range or (0.0, 1.0))
    return net, control if control_range else 0


def _looks(
    calls: Callable[[float, tuple[float, float], int], tuple[int, int]],
    denoise: float,
    looks_from_to: tuple[float, float],
    steps: int,
) -> int:
    return calls(denoise, looks_from_to, steps)[1]


def _clips(inputs: Inputs) -> tuple[EditedClip, ...]:
    """What is sampled: each clip once, but one clip once for every line of prompts."""
    plan = inputs.needed("keyframes", Clips, "a plan that is known before the run")
    drawn = inputs.fact("control_images", Clips)
    clips = tuple(
        replace(clip, size=_for_latents(like.size), share=like.share)
        for clip, like in zip(plan.clips, (drawn or plan).clips, strict=False)
    )
    positive = inputs.fact("positive", Conditioning)
    texts = positive.texts if positive else None
    if texts is None:
        return clips
    if len(clips) > 1 and texts.count not in (1, len(clips)):
        with inputs.flow.naming(texts.source):
            raise InputError("text", f"{texts.count} lines", f"1 for all, or {len(clips)}, as there are clips")
    return clips * texts.count if len(clips) == 1 else clips


def _for_latents(size: Size) -> Size:
    return max(size[0] // 8, 1) * 8, max(size[1] // 8, 1) * 8


def _with_all_frames(clip: EditedClip) -> EditedClip:
    plan = clip.plan
    return replace(clip, plan=Keyframes.all_frames(plan.frame_count, plan.frame_rate, plan.cuts))
