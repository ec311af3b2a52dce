"""Several requests, as lists of a sampler's inputs, sampled together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from ..errors import InputError
from ..host.frugal_node import note_shares
from ..host.lists import broadcast
from ..host.progress import LatentProgress
from .request_sampler import sample_requests
from .requests import Request, StepSettings, check_form, noise_levels, rows_of_latent
from .windows import Windows, sample_clips, spans_of

REQUEST = ("positive", "negative", "latent_image", "seed")
"""What each request has for itself."""


@dataclass(frozen=True)
class SampledRequests:
    """What has become of several requests.

    Attributes:
        latents: LATENT by request; that of one that is left out blocks what is behind it.
        failed: by number (from 1), why a request is left out.
        report: for people.
    """

    latents: list[Any]
    failed: dict[int, Exception]
    report: str


def sampled_requests(
    model: Any, settings: StepSettings, lists: Mapping[str, Sequence[Any]], windows: Windows | None = None
) -> SampledRequests:
    """Sample the requests that lists of a sampler's inputs mean.

    Args:
        model: ComfyUI's MODEL.
        settings: for all.
        lists: of every name in ``REQUEST``; of one item where it is the same for all.
        windows: in which longer clips are sampled.

    Raises:
        InputError: a list does not fit the others, or a setting is none of ComfyUI's.
        Exception: none of the requests can be sampled; why the first cannot.
    """
    _check_choice("sampler_name", settings.sampler, comfy.samplers.KSampler.SAMPLERS)
    _check_choice("scheduler", settings.scheduler, comfy.samplers.KSampler.SCHEDULERS)
    given = broadcast({name: lists[name] for name in REQUEST})
    requests = [Request(one["positive"], one["negative"], one["latent_image"], one["seed"]) for one in given]
    refused = {number: error for number, request in enumerate(requests) if (error := _refused(request))}
    if len(refused) == len(requests):
        raise refused[0]
    sound = [request for number, request in enumerate(requests) if number not in refused]
    turns = [0 if number in refused else _turns(request, windows) for number, request in enumerate(requests)]
    rows = [rows_of_latent(request) * turn if turn else 0 for request, turn in zip(requests, turns, strict=True)]
    told: list[str] = []
    steps = max(len(noise_levels(model, settings)) - 1, 1)
    bar = LatentProgress(model, steps, sum(rows))

    def sample(some: Sequence[Request]) -> list[torch.Tensor | Exception]:
        return sample_requests(model, some, settings, bar, told.append)

    sampled = iter(sample_clips(model, sound, windows, sample) if windows else sample(sound))
    results = [refused.get(number) or next(sampled) for number in range(len(requests))]
    failed = {number: result for number, result in enumerate(results, 1) if isinstance(result, Exception)}
    if len(failed) == len(results):
        raise failed[1]
    note_shares({n: 0.0 if n + 1 in failed else float(count) for n, count in enumerate(rows)})
    latents = [_latent(request, result) for request, result in zip(requests, results, strict=True)]
    return SampledRequests(latents, failed, _report(model, results, [*_cuts(turns), *told], failed))


def _refused(request: Request) -> InputError | None:
    try:
        check_form(request)
    except InputError as error:
        return error
    return None


def _turns(request: Request, windows: Windows | None) -> int:
    """How many windows a clip takes; one that cannot be cut is refused when it is sampled."""
    try:
        return len(spans_of(request, windows)) if windows else 1
    except InputError:
        return 1


def _latent(request: Request, result: torch.Tensor | Exception) -> Any:
    # Blocks what is behind it for this request alone, so that lists keep their order.
    return ExecutionBlocker(None) if isinstance(result, Exception) else {**request.latent, "samples": result}


def _cuts(turns: Sequence[int]) -> list[str]:
    counts = sorted({turn for turn in turns if turn > 1})
    return [f"clips of {' or '.join(map(str, counts))} windows"] if counts else []


def _report(model: Any, results: Sequence[Any], told: Sequence[str], failed: Mapping[int, Exception]) -> str:
    count = len(results) - len(failed)
    precision = str(model.model_dtype()).removeprefix("torch.")
    lines = [f"{count} request{'s' * (count != 1)} in {precision}", *dict.fromkeys(told)]
    return "\n".join([*lines, *(f"request {number} is left out: {error}" for number, error in failed.items())])


def _check_choice(name: str, value: str, options: Sequence[str]) -> None:
    # ComfyUI 0.3.75 does not validate the combos of V3 nodes.
    if value not in options:
        raise InputError(name, repr(value), ", ".join(options))
