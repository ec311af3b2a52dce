"""Sample requests in batches that fit memory: each comes out as from ComfyUI's KSampler alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import torch
from comfy.model_management import InterruptProcessingException

from ..errors import InputError
from ..host.models import OutOfMemory, free_memory, load, release_cached_memory, remember_rows, remembered_rows
from .conditioning import stack
from .noise import with_own_step_noise
from .requests import (
    Request,
    StepSettings,
    alone_by_itself,
    alone_in_model,
    check_request,
    groups,
    latent_of,
    noise_levels,
    rows_of_latent,
)
from .sampler import MEMORY_MARGIN, StepCallback

logger = logging.getLogger(__name__)


def sample_requests(
    model: Any,
    requests: Sequence[Request],
    settings: StepSettings,
    on_step: StepCallback | None = None,
    tell: Callable[[str], None] = logger.info,
) -> list[torch.Tensor | Exception]:
    """Sample requests; those that fit together share batches, as many as memory allows.

    A request alone in its batch goes ComfyUI's own way, and comes out equal to the bit.

    Args:
        model: ComfyUI's MODEL.
        requests: in any mix.
        settings: for all.
        on_step: called after every step with the step, the denoised and the noisy latent, and the step count.
        tell: is told how many batches they took, and why requests are sampled one by one.

    Returns:
        By request, its latent as it came out, on ComfyUI's offload device, or why there is none.
    """
    return _Run(model, requests, settings, on_step, tell).results()


class _Run:
    def __init__(
        self,
        model: Any,
        requests: Sequence[Request],
        settings: StepSettings,
        on_step: StepCallback | None,
        tell: Callable[[str], None],
    ) -> None:
        self.model, self.requests, self.settings = model, requests, settings
        self.on_step, self.tell = on_step, tell
        self.sigmas = noise_levels(model, settings)
        self.done: dict[int, torch.Tensor | Exception] = {}
        self.batches = 0

    def results(self) -> list[torch.Tensor | Exception]:
        for number, request in enumerate(self.requests):
            try:
                check_request(self.model, request, self.settings)
            except InputError as error:
                self.done[number] = error
        for group in self._groups([number for number in range(len(self.requests)) if number not in self.done]):
            self._sample_group(group)
        sampled = sum(isinstance(result, torch.Tensor) for result in self.done.values())
        if sampled > self.batches:
            self.tell(f"{sampled} requests shared {self.batches} batch{'es' * (self.batches > 1)}")
        return [self.done[number] for number in range(len(self.requests))]

    def _groups(self, everyone: Sequence[int]) -> list[list[int]]:
        if len(self.sigmas) < 2 or len(everyone) == 1:
            return [[number] for number in everyone]
        if reason := alone_in_model(self.model, self.settings):
            self.tell(f"one by one: {reason}")
            return [[number] for number in everyone]
        reasons = {number: alone_by_itself(self.requests[number], self.settings) for number in everyone}
        for number, reason in reasons.items():
            if reason:
                self.tell(f"request {number + 1} by itself: {reason}")
        others = [number for number in everyone if not reasons[number]]
        together = groups(self.model, [self.requests[number] for number in others])
        return [*([n] for n in everyone if reasons[n]), *([others[place] for place in group] for group in together)]

    def _sample_group(self, group: Sequence[int]) -> None:
        waiting = list(group)
        rows = self._rows_that_fit(waiting) if len(waiting) > 1 else 0
        while waiting:
            batch = self._batch(waiting, rows)
            error = self._error_of(batch)
            if len(batch) > 1 and isinstance(error, OutOfMemory):
                release_cached_memory()  # only now has the exception let go of the tensors
                rows = sum(map(self._rows, batch)) // 2
                remember_rows(self.model, self._shape(batch[0]), rows)
                logger.warning("Batch Sampler: out of memory; going on with batches of %d", rows)
                continue
            if error is not None:
                self._failed(batch, error)
            waiting = waiting[len(batch) :]

    def _batch(self, waiting: Sequence[int], rows: int) -> list[int]:
        """The first of those that wait, as many as so many rows hold; one at least."""
        batch = [waiting[0]]
        left = rows - self._rows(waiting[0])
        for number in waiting[1:]:
            left -= self._rows(number)
            if left < 0:
                break
            batch.append(number)
        return batch

    def _error_of(self, batch: Sequence[int]) -> Exception | None:
        """Sample a batch and keep what comes out, or give what went wrong; without its stack, which holds tensors."""
        try:
            results = [self._alone(batch[0])] if len(batch) == 1 else self._together(batch)
        except InterruptProcessingException:
            raise
        except Exception as error:
            logger.info("Batch Sampler: %d requests failed", len(batch), exc_info=True)
            return error.with_traceback(None)
        self.batches += 1
        self.done.update(zip(batch, results, strict=True))
        return None

    def _failed(self, batch: Sequence[int], error: Exception) -> None:
        """One that fails takes nobody with it: those of a batch are tried one by one."""
        if len(batch) == 1:
            logger.warning("Batch Sampler: request %d failed: %s", batch[0] + 1, error)
            self.done[batch[0]] = error
            return
        numbers = ", ".join(str(number + 1) for number in batch)
        self.tell(f"requests {numbers} one by one: together they failed with {type(error).__name__}: {error}")
        for number in batch:
            if own := self._error_of([number]):
                self._failed([number], own)

    def _alone(self, number: int) -> torch.Tensor:
        request, settings = self.requests[number], self.settings
        latent = latent_of(self.model, request)
        samples: torch.Tensor = comfy.sample.sample(
            self.model,
            self._noise(number, latent),
            settings.steps,
            settings.cfg,
            settings.sampler,
            settings.scheduler,
            request.positive,
            request.negative,
            latent,
            denoise=settings.denoise,
            disable_noise=not settings.adds_noise,
            start_step=settings.first,
            last_step=settings.last,
            force_full_denoise=not settings.leaves_noise,
            noise_mask=request.latent.get("noise_mask"),
            callback=self.on_step,
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=request.seed,
        )
        return samples

    def _together(self, batch: Sequence[int]) -> Sequence[torch.Tensor]:
        model, settings, requests = self.model, self.settings, [self.requests[number] for number in batch]
        latents = [latent_of(model, request) for request in requests]
        rows = [len(latent) for latent in latents]
        likes = [latent.to(model.load_device) for latent in latents]
        seeds = [request.seed for request in requests]
        sampler = comfy.samplers.sampler_object(settings.sampler)
        samples = comfy.sample.sample_custom(
            model,
            torch.cat([self._noise(number, latent) for number, latent in zip(batch, latents, strict=True)]),
            settings.cfg,
            with_own_step_noise(sampler, settings.sampler, likes, seeds, self.sigmas),
            self.sigmas,
            stack([request.positive for request in requests], rows),
            stack([request.negative for request in requests], rows),
            torch.cat(latents),
            noise_mask=_masks(requests, latents),
            callback=self.on_step,
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=seeds[0],
        )
        return torch.split(samples, rows)

    def _noise(self, number: int, latent: torch.Tensor) -> torch.Tensor:
        request = self.requests[number]
        if not self.settings.adds_noise:
            return torch.zeros(latent.size(), dtype=latent.dtype, layout=latent.layout, device="cpu")
        return drawn_noise(request, latent)

    def _rows(self, number: int) -> int:
        return rows_of_latent(self.requests[number])

    def _shape(self, number: int) -> tuple[int, ...]:
        """What decides, with the weights, how many rows fit."""
        return tuple(latent_of(self.model, self.requests[number]).shape[1:])

    def _rows_that_fit(self, group: Sequence[int]) -> int:
        shape = self._shape(group[0])
        prompts = 1 if self.settings.cfg == 1 else 2
        per_row = self.model.memory_required([prompts, *shape])
        load(self.model, memory=per_row * MEMORY_MARGIN)
        estimate = max(1, int(free_memory(self.model.load_device) / (per_row * MEMORY_MARGIN)))
        remembered = remembered_rows(self.model, shape)
        return estimate if remembered is None else min(estimate, remembered)


def drawn_noise(request: Request, latent: torch.Tensor) -> torch.Tensor:
    """The noise that a request begins with."""
    if request.noise is not None:
        return request.noise
    noise: torch.Tensor = comfy.sample.prepare_noise(latent, request.seed, request.latent.get("batch_index"))
    return noise


def _masks(requests: Sequence[Request], latents: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """The noise masks of all rows; all of a batch have one, or none has."""
    masks = [request.latent.get("noise_mask") for request in requests]
    found = [
        comfy.utils.reshape_mask(mask, latent.shape)
        for mask, latent in zip(masks, latents, strict=True)
        if mask is not None
    ]
    return torch.cat(found) if found else None
