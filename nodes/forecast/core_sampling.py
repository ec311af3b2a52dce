"""What ComfyUI's own samplers will take, and what its nodes that change a model make of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TypeAlias

import comfy.context_windows
from comfy.model_sampling import ModelSamplingDiscreteFlow

from ..errors import InputError
from ..sampling.calls import model_calls
from .edit_work import Rows, Size
from .facts import (
    AppliedControl,
    Conditioning,
    DeviceWork,
    Forecast,
    Guider,
    Latents,
    Model,
    SamplerName,
    Sigmas,
    Windows,
    plus,
    times,
)
from .inputs import Forecaster, Inputs

Calls: TypeAlias = Callable[[tuple[float, float]], tuple[int, int]]
"""From when something counts (0..1) to the calls of the model, and to those in which it counts."""

Cut: TypeAlias = Callable[[Latents], Iterable[Latents]]
"""From latents to those that they are sampled in, one after the other."""


def sample(inputs: Inputs, cut: Cut | None = None) -> Forecast | None:
    """KSampler.

    Args:
        cut: of a sampler that does a video in parts.
    """
    given = _guided(inputs), inputs.fact("latent_image", Latents)
    if None in given:
        return None
    value = inputs.value
    sigmas = Sigmas(str(value("scheduler")), int(inputs.number("steps")), float(value("denoise", 1.0)))
    return sampled(inputs, *given, sigmas, SamplerName(str(value("sampler_name"))), cut=cut)


def sample_steps(inputs: Inputs) -> Forecast | None:
    """KSampler (Advanced): some of the steps."""
    given = _guided(inputs), inputs.fact("latent_image", Latents)
    if None in given:
        return None
    value, number = inputs.value, inputs.number
    sigmas = Sigmas(str(value("scheduler")), int(number("steps")))
    steps = int(number("start_at_step")), int(number("end_at_step"))
    return sampled(inputs, *given, sigmas, SamplerName(str(value("sampler_name"))), steps)


def sample_custom(inputs: Inputs) -> Forecast | None:
    """SamplerCustom."""
    given = inputs.fact("sigmas", Sigmas), inputs.fact("sampler", SamplerName)
    return sampled(inputs, _guided(inputs), inputs.fact("latent_image", Latents), *given)


def sample_guided(inputs: Inputs) -> Forecast | None:
    """SamplerCustomAdvanced."""
    given = inputs.fact("sigmas", Sigmas), inputs.fact("sampler", SamplerName)
    return sampled(inputs, inputs.fact("guider", Guider), inputs.fact("latent_image", Latents), *given)


def _guided(inputs: Inputs) -> Guider | None:
    model = inputs.fact("model", Model)
    positive, negative = (inputs.fact(name, Conditioning) for name in ("positive", "negative"))
    if model is None or positive is None or negative is None:
        return None
    return Guider(model, (positive, negative), float(inputs.number("cfg", 1.0)))


def guide(inputs: Inputs) -> Forecast | None:
    """CFGGuider."""
    found = _guided(inputs)
    return Forecast((found,)) if found else None


def guide_plainly(inputs: Inputs) -> Forecast | None:
    """BasicGuider: one prompt."""
    model, prompt = inputs.fact("model", Model), inputs.fact("conditioning", Conditioning)
    return Forecast((Guider(model, (prompt,), 1.0),)) if model and prompt else None


def schedule(inputs: Inputs) -> Forecast:
    """BasicScheduler."""
    value = inputs.value
    return Forecast((Sigmas(str(value("scheduler")), int(inputs.number("steps")), float(value("denoise", 1.0))),))


def select_sampler(inputs: Inputs) -> Forecast:
    """KSamplerSelect."""
    return Forecast((SamplerName(str(inputs.value("sampler_name"))),))


def sampled(
    inputs: Inputs,
    guider: Guider | None,
    latents: Latents | None,
    sigmas: Sigmas | None,
    sampler: SamplerName | None,
    steps: tuple[int, int] | None = None,
    cut: Cut | None = None,
) -> Forecast | None:
    """LATENT: every row runs through the model once a call and prompt.

    Raises:
        InputError: the latents are of another kind than the model.
    """
    if guider is None or latents is None or sigmas is None or sampler is None:
        return None
    model = guider.model
    inputs.most.extend(model.spares)
    is_clip = (latents.frames or 1) > 1
    if is_clip and model.is_of_pictures:
        raise InputError(
            "latent_image",
            f"the {latents.frames} latent frames of a video",
            f"the latents of pictures, as {model.name or 'the model'} is a model of pictures",
        )
    if model.model_sampling is None or (is_clip and model.video is None):
        inputs.leave_out(model.name)
        stage = "sample video" if is_clip else "sample"
        return Forecast((latents, latents), (DeviceWork(stage, "gpu", latents.pictures),))
    needs_both = guider.cfg != 1 or "cfg_pp" in sampler.name
    prompts = guider.prompts if needs_both else guider.prompts[:1]
    given = (model.model_sampling, sampler.name, sigmas.scheduler, sigmas.steps, sigmas.denoise)

    def calls(control_range: tuple[float, float]) -> tuple[int, int]:
        return model_calls(*given, control_range, steps)

    items = max([latents.items, *(prompt.texts.count for prompt in prompts if prompt.texts)])
    one = replace(latents, items=1)
    windows = list(cut(one) if cut and model.video else _windowed(model.windows, one))
    work = (_of_images if model.video is None else _of_video)(inputs, model, prompts, one, windows, calls)
    if items > 1:
        inputs.notes.append(f"{inputs.title}: as much for each of {items}.")
    made = replace(latents, items=items)
    return Forecast((made, made), (work.repeated(items),))


def _of_images(
    inputs: Inputs,
    model: Model,
    prompts: tuple[Conditioning, ...],
    latents: Latents,
    windows: Sequence[Latents],
    calls: Calls,
) -> DeviceWork:
    rows = sum(one.rows for one in windows) * calls((0.0, 1.0))[0] * len(prompts)
    flops, control_rows = times(rows, model.unet(*latents.size)), 0
    applied = {id(one.net): one for prompt in prompts for one in prompt.controls}
    for one in applied.values():
        users = sum(other.net is one.net for prompt in prompts for other in prompt.controls)
        count = calls((one.start, one.end))[1]
        each = min(latents.rows, one.net.keyframes or latents.rows) * users
        control_rows += count * each
        flops = plus(flops, times(count, _of_control(inputs, one, each, latents.size)))
    weights = model.weights + sum(one.net.weights for one in applied.values())
    memory = weights + max(model.memory(one) for one in windows)
    return DeviceWork("sample", "gpu", latents.rows, flops, Rows(rows, control_rows), memory)


def _of_control(inputs: Inputs, control: AppliedControl, rows: int, size: Size) -> float | None:
    """FLOPs of a ControlNet for all rows of a batch."""
    each, hint = inputs.counted(control.net.work, "ControlNet")(*size), control.net.hint(*size)
    if each is None or hint is None or not control.has_one_picture:
        return times(rows, each)
    return rows * (each - hint) + hint


def _of_video(
    inputs: Inputs,
    model: Model,
    prompts: tuple[Conditioning, ...],
    latents: Latents,
    windows: Sequence[Latents],
    calls: Calls,
) -> DeviceWork:
    passes, flops = 0, 0.0
    total, guided = calls(model.guided)
    guided = total if model.guided == (0.0, 1.0) else guided
    for prompt in prompts:
        passes += total
        for count, guides in ((guided, prompt.guides), (total - guided, replace(prompt.guides, controls=0))):
            for one in windows if count else ():
                each = model.flops(one, guides)
                if each is None:
                    inputs.leave_out(model.name)
                    return DeviceWork("sample video", "gpu", latents.pictures, model=model)
                flops += count * each
    _tell(inputs, model, prompts, latents, passes, len(windows))
    memory = model.weights + max(model.memory(one, prompts[0].guides) for one in windows)
    return DeviceWork("sample video", "gpu", latents.pictures, flops, memory=memory, model=model)


def _tell(
    inputs: Inputs, model: Model, prompts: tuple[Conditioning, ...], latents: Latents, passes: int, windows: int
) -> None:
    """What is done, and what has no effect."""
    width, height = latents.size
    in_windows = f" in {windows} windows" if windows > 1 else ""
    inputs.notes.append(
        f"{inputs.title}: {passes} passes of {model.name}{in_windows} over {latents.frames or 1} latent frames of "
        f"{width} x {height}."
    )
    takes = model.video.takes if model.video else frozenset()
    guides = prompts[0].guides
    ignored = [what for name, what in _GUIDES.items() if getattr(guides, name) and name not in takes]
    if ignored:
        inputs.notes.append(f"{inputs.title}: {model.name} does not look at {' and '.join(ignored)}.")


_GUIDES = {"controls": "the control video", "pose": "the pose video", "face_frames": "the face video"}


def _windowed(windows: Windows | None, latents: Latents) -> Iterator[Latents]:
    """The latents that a pass is done on, one after the other, as ComfyUI cuts them."""
    whole = None if windows is None else latents.frames if windows.in_time else latents.rows
    if windows is None or whole is None or whole <= windows.length:
        yield latents
        return
    handler = SimpleNamespace(
        context_length=windows.length,
        context_overlap=windows.overlap,
        context_stride=windows.stride,
        closed_loop=windows.is_closed,
        _step=0,
    )
    for window in comfy.context_windows.get_matching_context_schedule(windows.schedule).func(whole, handler, {}):
        many = len(window)
        yield replace(latents, frames=many) if windows.in_time else replace(latents, rows=many)


def shift_noise(multiplier: float, inputs: Inputs) -> Forecast | None:
    """MODEL whose noise levels are shifted."""
    model = inputs.fact("model", Model)
    if model is None or not isinstance(model.model_sampling, ModelSamplingDiscreteFlow):
        return Forecast((model,)) if model else None
    shifted = copy.deepcopy(model.model_sampling)
    shifted.set_parameters(shift=float(inputs.number("shift", 3.0)), multiplier=multiplier)
    return Forecast((replace(model, model_sampling=shifted),))


def cut_windows(inputs: Inputs) -> Forecast | None:
    """MODEL that is run on windows of what it is given."""
    length, overlap = int(inputs.number("context_length", 16)), int(inputs.number("context_overlap", 4))
    return _with_windows(inputs, length, overlap, int(inputs.value("dim", 0)) == 2)


def cut_windows_of_wan(inputs: Inputs) -> Forecast | None:
    """The same, in pictures."""
    length, overlap = int(inputs.number("context_length", 81)), int(inputs.number("context_overlap", 30))
    return _with_windows(inputs, max((length - 1) // 4 + 1, 1), max((overlap - 1) // 4 + 1, 0), True)


def _with_windows(inputs: Inputs, length: int, overlap: int, in_time: bool) -> Forecast | None:
    model = inputs.fact("model", Model)
    if model is None:
        return None
    if overlap >= length:
        raise InputError("context_overlap", str(overlap), f"less than the window's {length}, in latent frames")
    schedule, stride = str(inputs.value("context_schedule", "standard_static")), int(inputs.value("context_stride", 1))
    is_closed = bool(inputs.value("closed_loop", False))
    return Forecast((replace(model, windows=Windows(length, overlap, schedule, in_time, stride, is_closed)),))


def spare_some(inputs: Inputs) -> Forecast | None:
    """MODEL that leaves out work, by what it sees."""
    model = inputs.fact("model", Model)
    return Forecast((replace(model, spares=(*model.spares, inputs.title)),)) if model else None


def add_lora(inputs: Inputs) -> Forecast:
    """MODEL with other weights, and CLIP."""
    model = inputs.fact("model", Model)
    name = "" if inputs.is_wired("lora_name") else str(inputs.value("lora_name", ""))
    clip = inputs.fact_of("clip")
    return Forecast((replace(model, loras=(*model.loras, name)) if model else None, clip))


SAMPLING: Mapping[str, Forecaster] = {
    "KSampler": sample,
    "KSamplerAdvanced": sample_steps,
    "SamplerCustom": sample_custom,
    "SamplerCustomAdvanced": sample_guided,
    "CFGGuider": guide,
    "BasicGuider": guide_plainly,
    "BasicScheduler": schedule,
    "KSamplerSelect": select_sampler,
    "ModelSamplingSD3": partial(shift_noise, 1000.0),
    "ModelSamplingAuraFlow": partial(shift_noise, 1.0),
    "ContextWindowsManual": cut_windows,
    "WanContextWindowsManual": cut_windows_of_wan,
    "EasyCache": spare_some,
    "LazyCache": spare_some,
    "LoraLoader": add_lora,
    "LoraLoaderModelOnly": add_lora,
}
"""Forecasters by class."""
