"""Requests to a sampler: what KSampler takes for one latent, and which of them can share a batch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.sample
import comfy.samplers
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.ldm.wan.model import WanModel
from comfy.model_base import SVD_img2vid

from ..errors import InputError
from .conditioning import can_stack
from .control_range import KEY as CONTROL_RANGE
from .sampler import BY_THE_PICTURE

SEEDED = ("unclip_conditioning", "noise_augmentation")
"""What a prompt holds that the model adds noise to, by the seed of the whole batch."""

ROW_BY_ROW = frozenset(
    {
        *("RescaleCFG", "CFGZeroStar", "CFGNorm", "APG", "DifferentialDiffusion", "ChromaRadianceOptions"),
        *("torch.compile", CONTROL_RANGE),
    }
)
"""Nodes of ComfyUI and ours that put something around a model which is known to look at each row by itself."""

_FUNCTIONS = (
    "model_function_wrapper",
    "sampler_cfg_function",
    "sampler_calc_cond_batch_function",
    "denoise_mask_function",
)
_LISTS = ("sampler_pre_cfg_function", "sampler_post_cfg_function")


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be sampled.

    Attributes:
        positive, negative: CONDITIONING.
        latent: a LATENT: ``samples`` of ``(rows, channels, h, w)`` or ``(rows, channels, t, h, w)``, and as they come
            ``noise_mask`` and ``batch_index``.
        seed: of its noise.
        noise: to begin with, of the latent's shape; ``None``: as ComfyUI draws it for ``seed``.
    """

    positive: Any
    negative: Any
    latent: Mapping[str, Any]
    seed: int = 0
    noise: torch.Tensor | None = None


@dataclass(frozen=True)
class StepSettings:
    """How requests are sampled: what KSampler and KSampler (Advanced) are set to.

    Attributes:
        denoise: below 1 keeps some of what the latents hold.
        adds_noise: whether sampling begins with noise.
        first, last: the step that is taken first, and that before which sampling ends; ``None`` for all.
        leaves_noise: whether the noise of the steps behind ``last`` is left in the result.
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float = 1.0
    adds_noise: bool = True
    first: int | None = None
    last: int | None = None
    leaves_noise: bool = False


def noise_levels(model: Any, settings: StepSettings) -> torch.Tensor:
    """The noise levels ``(steps + 1,)`` that ComfyUI's KSampler goes through; fewer than two if it does nothing."""
    sigmas: torch.Tensor = comfy.samplers.KSampler(
        model, settings.steps, model.load_device, settings.sampler, settings.scheduler, settings.denoise
    ).sigmas
    if settings.last is not None and settings.last < len(sigmas) - 1:
        sigmas = sigmas[: settings.last + 1].clone()
        if not settings.leaves_noise:
            sigmas[-1] = 0
    return sigmas[settings.first or 0 :]


def latent_of(model: Any, request: Request) -> torch.Tensor:
    """The latent that sampling starts from; an empty one gets the channels of the model."""
    known = inspect.signature(comfy.sample.fix_empty_latent_channels).parameters
    extra = {name: value for name, value in request.latent.items() if name in known}  # of newer ComfyUI
    fixed: torch.Tensor = comfy.sample.fix_empty_latent_channels(model, request.latent["samples"], **extra)
    return fixed


def rows_of_latent(request: Request) -> int:
    """Rows of its latent."""
    samples = request.latent["samples"]
    return len(samples.unbind()[0] if samples.is_nested else samples)


def check_form(request: Request) -> None:
    """Refuse what is no request at all, such as the nothing that a switch may give.

    Raises:
        InputError: names the input.
    """
    for name, prompt in (("positive", request.positive), ("negative", request.negative)):
        if not _is_conditioning(prompt):
            raise InputError(name, _what(prompt), "a CONDITIONING")
    samples = request.latent.get("samples") if isinstance(request.latent, Mapping) else None
    if samples is None:
        raise InputError("latent_image", _what(request.latent), "a LATENT")
    if not rows_of_latent(request):
        raise InputError("latent_image", "a latent of no rows", "1 or more")


def _is_conditioning(value: Any) -> bool:
    pairs = value if isinstance(value, list | tuple) else [None]
    return all(isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[1], Mapping) for pair in pairs)


def _what(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def check_request(model: Any, request: Request, settings: StepSettings) -> None:
    """Refuse what would fail deep inside the model with the shape of a matrix.

    Raises:
        InputError: the latent or a prompt is of another family of models, or of another size than its control.
    """
    family, form = type(model.model.model_config).__name__, model.model.latent_format
    latent = latent_of(model, request)
    if not latent.is_nested and latent.ndim == 5 and form.latent_dimensions == 2:
        raise InputError("latent_image", "the latent of a video", f"one of pictures, as {family} has")
    if not latent.is_nested and latent.shape[1] != form.latent_channels:
        found, allowed = f"a latent of {latent.shape[1]} channels", f"{form.latent_channels}, as {family} has"
        raise InputError("latent_image", found, allowed, "Use the VAE that belongs to the model.")
    width = model.model.model_config.unet_config.get("context_dim") or getattr(model_net(model), "text_dim", None)
    prompts = {"positive": request.positive}
    if settings.cfg != 1:  # else ComfyUI does not look at the other
        prompts["negative"] = request.negative
    for name, prompt in prompts.items():
        for text, options in prompt:
            _check_vace(name, options, latent)
            if width and isinstance(text, torch.Tensor) and text.shape[-1] != width:
                found, allowed = f"text embeddings of width {text.shape[-1]}", f"width {width}, as {family} has"
                raise InputError(name, found, allowed, "Use the text encoder that belongs to the model.")

    _check_patches(model, request, latent)


_PATCHED_APART = frozenset({"vace_frames", "pose_video_latent"})
"""What nets of Wan cut into patches beside the latent: ComfyUI fills up the last patch of the latent alone."""


def _check_patches(model: Any, request: Request, latent: torch.Tensor) -> None:
    if not isinstance(model_net(model), WanModel) or latent.ndim != 5:
        return
    given = {key for prompt in (request.positive, request.negative) for _, options in prompt for key in options}
    patch = model_net(model).patch_size[-2:]
    if given & _PATCHED_APART and any(side % edge for side, edge in zip(latent.shape[-2:], patch, strict=True)):
        each = 8 * patch[-1]
        found = f"a video of {8 * latent.shape[-1]} x {8 * latent.shape[-2]} pixels"
        remedy = "Set the size in the node that loads the clip, or in Draw Pose."
        raise InputError("latent_image", found, f"sides that are multiples of {each}", remedy)


def _check_vace(name: str, options: Mapping[str, Any], latent: torch.Tensor) -> None:
    for frames in options.get("vace_frames") or ():
        if not latent.is_nested and latent.ndim == 5 and frames.shape[2:] != latent.shape[2:]:
            found, allowed = (" x ".join(map(str, reversed(one.shape[2:]))) for one in (frames, latent))
            remedy = "Connect latent_image to the node that has made the prompts."
            raise InputError(name, f"a control of {found} latents", f"{allowed}, as latent_image has", remedy)


def model_net(model: Any) -> Any:
    """The net inside."""
    return model.model.diffusion_model


def alone_in_model(model: Any, settings: StepSettings) -> str:
    """Why requests to this model cannot share a batch; empty if they can.

    What other nodes have put around the model, or into how it heeds the prompts, is taken to look at a whole batch
    unless it is known not to: much of it does, such as all caches of steps, or ComfyUI's own Mahiro, PerpNeg,
    RenormCFG and Skip Layer Guidance. Patches inside the net pass: there rows of several prompts are the rule.
    """
    options = model.model_options
    transformer = options.get("transformer_options", {})
    if settings.sampler == BY_THE_PICTURE:
        return f"{BY_THE_PICTURE} chooses its steps by the picture"
    if not comfy.samplers.sampler_object(settings.sampler).sampler_function.__module__.startswith("comfy."):
        return f"{settings.sampler}, a sampler of another pack, may look at a whole batch"
    if isinstance(model.model, SVD_img2vid):
        return "to this model the rows of a batch are the frames of one clip"
    if cache := transformer.get("easycache"):
        return f"{getattr(cache, 'name', 'EasyCache')} skips steps by what all of a batch look like"
    if "animate2_cache" in transformer:
        return "the cache of Animate 2 keeps the motion of one clip"
    if options.get("context_handler") is not None:
        return "context windows take one clip"
    unknown = sorted(_around(model) - ROW_BY_ROW)
    return f"{unknown[0]}, put on the model, may look at a whole batch" if unknown else ""


def _around(model: Any) -> set[str]:
    """Who has put something around the model: keys of wrappers, and classes of the nodes that made the functions."""
    options = model.model_options
    functions = [options.get(name) for name in _FUNCTIONS]
    functions += [function for name in _LISTS for function in options.get(name, ())]
    makers = {_maker(function) for function in functions if function is not None}
    wrappers = [model.wrappers, options.get("transformer_options", {}).get("wrappers", {})]
    keyed = [(key, found) for kinds in wrappers for by_key in kinds.values() for key, found in by_key.items() if found]
    keys = {str(key or _maker(found[0])) for key, found in keyed}
    injected = {str(key) for key, found in model.injections.items() if found}
    return makers | keys | injected


def _maker(function: Any) -> str:
    """``RescaleCFG`` of a function that was made in a method of it; of an object, its class."""
    return str(getattr(function, "__qualname__", type(function).__name__)).split(".")[0]


def alone_by_itself(request: Request, settings: StepSettings) -> str:
    """Why a request cannot share a batch with any other; empty if it can."""
    if request.latent["samples"].is_nested:
        return "its latent has several parts"
    if settings.sampler == "ddim" and request.latent.get("noise_mask") is not None:
        return "ddim draws the noise around a mask for the whole batch"
    entries = [entry for prompt in (request.positive, request.negative) for entry in prompt]
    if any(not isinstance(text, torch.Tensor) or text.ndim != 3 for text, _ in entries):
        return "its prompts are of an unknown form"
    if any(options.get("control") is not None for _, options in entries):
        return "a ControlNet is applied to its prompts"
    if any(options.get(name) for _, options in entries for name in SEEDED):
        return "the model adds noise to what its prompts hold"
    return ""


def groups(model: Any, requests: Sequence[Request]) -> list[list[int]]:
    """Numbers of the requests that can share batches: of one shape, with prompts of the same form.

    Noise masks have all of them or none. So have all or none an empty latent: ComfyUI does not shift those.
    """
    repeats_text = isinstance(model_net(model), UNetModel | WanModel)  # pictures look at the text, but not it at them
    found: list[list[int]] = []
    for number, request in enumerate(requests):
        for group in found:
            if _fit_together(model, [*(requests[other] for other in group), request], repeats_text):
                group.append(number)
                break
        else:
            found.append([number])
    return found


def _fit_together(model: Any, requests: Sequence[Request], repeats_text: bool) -> bool:
    latents = [latent_of(model, request) for request in requests]
    shapes = {(latent.shape[1:], latent.dtype) for latent in latents}
    extras = {
        (request.latent.get("noise_mask") is None, not torch.count_nonzero(latent))
        for request, latent in zip(requests, latents, strict=True)
    }
    rows = [len(latent) for latent in latents]
    prompts = [request.positive for request in requests], [request.negative for request in requests]
    return len(shapes) == len(extras) == 1 and all(can_stack(prompt, repeats_text, rows) for prompt in prompts)
