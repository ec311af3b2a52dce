"""Sample the keyframes of a clip, or all frames under keyframed control, in batches that fit memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import comfy.sample
import comfy.utils
import torch

from nodes import ControlNetApplyAdvanced  # type: ignore[attr-defined]

from ..errors import InputError
from ..host.models import OutOfMemory, free_memory, load, release_cached_memory
from ..keyframes.keyframes import Keyframes
from .keyframe_control import KeyframeControl, keyframed
from .parts import Part, dense_part, sparse_part

logger = logging.getLogger(__name__)

Mode = Literal["sparse", "dense"]
StepCallback = Callable[[int, torch.Tensor, torch.Tensor, int], None]

VAE_ROWS = 8
"""Frames per VAE call: keeps progress and cancel lively; the VAE splits further where memory asks for it."""

MEMORY_MARGIN = 1.5
"""Factor on ComfyUI's estimate of a batch's memory, which leaves out residuals and the hint encoder."""


@dataclass(frozen=True, eq=False)
class Diffusion:
    """ComfyUI's MODEL, VAE and CONDITIONING."""

    model: Any
    vae: Any
    positive: Any
    negative: Any


@dataclass(frozen=True, eq=False)
class ControlInput:
    """A CONTROL_NET and its hints: IMAGE ``(n, h, w, 3)``, one per keyframe or one per frame."""

    control_net: Any
    images: torch.Tensor
    strength: float = 1.0
    start_percent: float = 0.0
    end_percent: float = 1.0


@dataclass(frozen=True)
class Settings:
    """How to sample. ``denoise`` below 1 starts from the source frames."""

    mode: Mode = "sparse"
    steps: int = 18
    cfg: float = 7.0
    sampler: str = "dpmpp_2m"
    scheduler: str = "karras"
    denoise: float = 1.0
    seed: int = 0


class ClipSampler:
    """One clip, sampled.

    Every row starts from the same noise, which keeps the look from flickering and lets ControlNet residuals be
    interpolated.

    Args:
        keyframes: the plan; in sparse mode only its frames are sampled.
        latents: start latents of the sampled frames ``(rows, channels, h, w)``; zeros for an edit from nothing.
        on_step: called after every step with the step, the denoised and the noisy latent, and the step count.
    """

    def __init__(
        self,
        diffusion: Diffusion,
        control: ControlInput,
        keyframes: Keyframes,
        settings: Settings,
        latents: torch.Tensor,
        on_step: StepCallback,
    ) -> None:
        self.diffusion, self.control, self.keyframes, self.settings = diffusion, control, keyframes, settings
        self.latents = comfy.sample.fix_empty_latent_channels(diffusion.model, latents)
        self.on_step = on_step
        self.hints = control_hints(control.images, keyframes)

    def run(self) -> Iterator[torch.Tensor]:
        """Yield the finished latents ``(rows, channels, h, w)`` part by part, on ComfyUI's offload device.

        Raises:
            InputError: one row alone does not fit into memory.
        """
        rows = self._rows_that_fit()
        part = self._part(0, rows)
        while part:
            latents = self._sample_if_it_fits(part)
            if latents is not None:
                yield latents[: part.keep]
                part = self._part(part.next, rows)
                continue
            release_cached_memory()  # only now has the exception let go of the tensors
            rows = len(part.frames) // 2
            logger.warning("Keyframe Sampler: out of memory; going on with batches of %d frames", rows)
            part = self._part(part.next - part.keep, rows)

    def _sample_if_it_fits(self, part: Part) -> torch.Tensor | None:
        try:
            return self._sample(part)
        except OutOfMemory as error:
            smaller = self._part(part.next - part.keep, len(part.frames) // 2)
            if smaller is None or len(smaller.frames) == len(part.frames):
                remedy = "Use a smaller size, or more keyframes if the mode is dense."
                raise InputError("size", _size(self.latents), "what fits the GPU", remedy) from error
        return None

    def _part(self, first: int, rows: int) -> Part | None:
        cut = sparse_part if self.settings.mode == "sparse" else dense_part
        return cut(self.keyframes, first, rows)

    def _rows_that_fit(self) -> int:
        model = self.diffusion.model
        load(model, *self.control.control_net.get_models())
        per_row = model.memory_required([2, *self.latents.shape[1:]])  # cond and uncond
        return max(1, int(free_memory(model.load_device) / (per_row * MEMORY_MARGIN)))

    def _sample(self, part: Part) -> torch.Tensor:
        model, settings = self.diffusion.model, self.settings
        rows = [self._row(frame) for frame in part.frames]
        latent = self.latents[rows]
        noise = comfy.sample.prepare_noise(self.latents[:1], settings.seed).repeat(len(rows), 1, 1, 1)
        positive, negative = self._conditioning(part)
        samples = comfy.sample.sample(
            model,
            noise,
            settings.steps,
            settings.cfg,
            settings.sampler,
            settings.scheduler,
            positive,
            negative,
            latent,
            denoise=settings.denoise,
            seed=settings.seed,
            callback=self.on_step,
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        )
        return samples  # type: ignore[no-any-return]

    def _row(self, frame: int) -> int:
        return self.keyframes.frames.index(frame) if self.settings.mode == "sparse" else frame

    def _conditioning(self, part: Part) -> tuple[Any, Any]:
        """The prompts with the ControlNet applied to this part's frames."""
        control, inside = self.control, set(part.frames)
        hints = self.hints[[i for i, frame in enumerate(self.keyframes.frames) if frame in inside]]
        net = control.control_net.inner if isinstance(control.control_net, KeyframeControl) else control.control_net
        if self.settings.mode == "dense":
            net = keyframed(net, self.keyframes, part.frames[0], part.frames[-1] + 1)
        chained = (
            self._chained(conditioning, part) for conditioning in (self.diffusion.positive, self.diffusion.negative)
        )
        applied: tuple[Any, Any] = ControlNetApplyAdvanced().apply_controlnet(
            *chained, net, hints, control.strength, control.start_percent, control.end_percent, vae=self.diffusion.vae
        )
        return applied

    def _chained(self, conditioning: Any, part: Part) -> Any:
        """Controls that the user applied before: their hints cut to this part."""
        return [
            [
                text,
                {**options, "control": self._cut_hints(options.get("control"), part)}
                if options.get("control")
                else options,
            ]
            for text, options in conditioning
        ]

    def _cut_hints(self, control: Any, part: Part) -> Any:
        if control is None:
            return None
        previous = self._cut_hints(control.previous_controlnet, part)
        copy = control.copy().set_previous_controlnet(previous)
        hint = copy.cond_hint_original
        if hint is not None and hint.shape[0] == self.keyframes.frame_count:
            copy.cond_hint_original = hint[list(part.frames)]
        elif hint is not None and hint.shape[0] == len(self.latents):
            copy.cond_hint_original = hint[[self._row(frame) for frame in part.frames]]
        return copy


def control_hints(images: torch.Tensor, keyframes: Keyframes) -> torch.Tensor:
    """The hints of the keyframes ``(keyframes, h, w, 3)``, from one per keyframe or one per frame.

    Raises:
        InputError: the number of images is neither.
    """
    count, wanted = images.shape[0], len(keyframes.frames)
    if count == wanted:
        return images
    if count == keyframes.frame_count:
        return images[list(keyframes.frames)]
    allowed = f"{wanted} (one per keyframe) or {keyframes.frame_count} (one per frame)"
    raise InputError("control_images", str(count), allowed, "Draw the pose of the same clip, with the same keyframes.")


def encode(vae: Any, frames: torch.Tensor) -> torch.Tensor:
    """Encode IMAGE frames ``(n, h, w, 3)`` in small batches to latents ``(n, channels, h / 8, w / 8)``."""
    return torch.cat([vae.encode(batch) for batch in torch.split(frames, VAE_ROWS)])


def decode(vae: Any, latents: torch.Tensor) -> Iterator[torch.Tensor]:
    """Decode latents in small batches to IMAGE frames ``(n, h, w, 3)`` in 0..1."""
    for batch in torch.split(latents, VAE_ROWS):
        yield vae.decode(batch)


def _size(latents: torch.Tensor) -> str:
    return f"a latent of {latents.shape[-1]}x{latents.shape[-2]}"
