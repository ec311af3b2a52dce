"""Sample the keyframes of clips, or all their frames under keyframed control, in batches that fit memory."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import comfy.sample
import comfy.samplers
import comfy.utils
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from node_helpers import conditioning_set_values

from nodes import ControlNetApplyAdvanced  # type: ignore[attr-defined]

from ..errors import InputError
from ..host.models import OutOfMemory, free_memory, load, release_cached_memory, remember_rows, remembered_rows
from ..keyframes.keyframes import Keyframes
from .anchors import AnchorAttention
from .conditioning import can_stack, of_frames, stack
from .keyframe_control import rearranged
from .layout import Layout
from .masks import outside
from .noise import start_noise, with_step_noise
from .parts import Mode, Part, Position, RowPlan, after, batch_from, start_of
from .reference import Reference, ReferenceAttention, ReferenceSettings

logger = logging.getLogger(__name__)

StepCallback = Callable[[int, torch.Tensor, torch.Tensor, int], None]

MEMORY_MARGIN = 1.5
"""Factor on ComfyUI's estimate of a batch's memory, which leaves out residuals and the hint encoder."""

LARGEST_TENSOR = 2**31 - 1
LARGEST_PER_PIXEL = 2560
"""Numbers in the largest tensor of a batch per pixel of a latent (in the feed-forward nets of SD 1.5, 8 times 320), and
how many at most, for cond and uncond: not all CUDA kernels address more. Only a large card would hold them."""

BY_THE_PICTURE = "dpm_adaptive"
"""The sampler that chooses its noise levels by what all rows of a batch look like."""


@dataclass(frozen=True, eq=False)
class Control:
    """A CONTROL_NET and from when to when it counts, as in Apply ControlNet."""

    control_net: Any
    strength: float = 1.0
    start_percent: float = 0.0
    end_percent: float = 1.0


@dataclass(frozen=True)
class SamplerSettings:
    """How to sample.

    Attributes:
        denoise: below 1 keeps some of the start latents.
        anchor: how much frames look at others, see ``AnchorAttention``.
        reference: how much they look at their clip's reference.
    """

    mode: Mode = "sparse"
    steps: int = 18
    cfg: float = 7.0
    sampler: str = "dpmpp_2m"
    scheduler: str = "karras"
    denoise: float = 1.0
    anchor: float = 0.0
    reference: ReferenceSettings = field(default_factory=ReferenceSettings)


@dataclass(frozen=True, eq=False)
class SampledClip:
    """What a clip has for itself.

    Attributes:
        positive, negative: CONDITIONING.
        hints: IMAGE ``(keyframes, h, w, 3)``.
        keyframes: the plan; in sparse mode only its frames are sampled.
        latents: that rows start from ``(rows, channels, h, w)``; zeros for an edit from nothing.
        seed: of the noise that all its frames start from.
        masks: how much of them is redrawn, 0..1 ``(rows, h, w)``; ``None`` for all. Elsewhere latents stay as they are.
        concealed: latents of the pictures without what is redrawn, for a model that paints into them; else ``None``.
        redrawn: numbers of the frames that are sampled; ``None`` for all of the mode.
        reference: the picture that its frames look at, if there is one.
    """

    positive: Any
    negative: Any
    hints: torch.Tensor
    keyframes: Keyframes
    latents: torch.Tensor
    seed: int = 0
    masks: torch.Tensor | None = None
    concealed: torch.Tensor | None = None
    redrawn: tuple[int, ...] | None = None
    reference: Reference | None = None

    def row_plan(self, mode: Mode) -> RowPlan:
        """Which frames the rows of latents and masks are."""
        return RowPlan.of(mode, self.keyframes, self.redrawn)


def grouped(clips: Sequence[SampledClip], model: Any) -> list[list[int]]:
    """Numbers of the clips that can share batches: of one size, with prompts of the same form.

    Masks have all of them or none, and so references.

    In a UNet pictures look at the text, and a text that is repeated looks the same. In a transformer where both attend
    to both, repeated text would count for more.
    """
    groups: list[list[int]] = []
    repeats_text = isinstance(model.model.diffusion_model, UNetModel)
    for index, clip in enumerate(clips):
        fitting = (group for group in groups if _fit_together([*(clips[i] for i in group), clip], repeats_text))
        group = next(fitting, None)
        if group is None:
            groups.append([index])
        else:
            group.append(index)
    return groups


def _fit_together(clips: Sequence[SampledClip], repeats_text: bool) -> bool:
    sizes = {(clip.latents.shape[1:], clip.hints.shape[1:]) for clip in clips}
    extras = {(clip.masks is None, clip.concealed is None, clip.reference is None) for clip in clips}
    prompts = ([clip.positive for clip in clips], [clip.negative for clip in clips])
    return len(sizes) == len(extras) == 1 and all(can_stack(prompt, repeats_text) for prompt in prompts)


class BatchSampler:
    """Clips of one group, sampled together.

    A clip's result does not depend on the clips beside it, nor on how the rows are cut into batches. All rows of a clip
    start from the same noise, which keeps the look from flickering and lets ControlNet residuals be interpolated.

    Args:
        model, vae: ComfyUI's.
        control: for all clips; ``None`` samples by the prompts alone.
        settings: for all clips.
        clips: see ``grouped``.
        on_step: called after every step with the step, the denoised and the noisy latent, and the step count.
    """

    def __init__(
        self,
        model: Any,
        vae: Any,
        control: Control | None,
        settings: SamplerSettings,
        clips: Sequence[SampledClip],
        on_step: StepCallback,
    ) -> None:
        self.model, self.vae, self.control, self.settings = model, vae, control, settings
        self.clips, self.on_step = list(clips), on_step
        self.latents = [comfy.sample.fix_empty_latent_channels(model, clip.latents) for clip in clips]
        self.row = self.latents[0][:1]
        self.keyframes = [clip.keyframes for clip in clips]
        self.plans = [clip.row_plan(settings.mode) for clip in clips]
        self._places = [{frame: row for row, frame in enumerate(plan.frames)} for plan in self.plans]
        self.anchors = AnchorAttention(settings.anchor) if settings.anchor > 0 else None
        self.references = ReferenceAttention(model, settings.reference) if clips[0].reference else None
        if self.anchors or self.references:
            self.model = model.clone()  # once: a clone of it would have copies of these patches
        if self.anchors:
            self.model.set_model_attn1_patch(self.anchors)
        if self.references:
            self.references.patch(self.model)

    def run(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield a clip's number and its next latents ``(rows, channels, h, w)``, on ComfyUI's offload device.

        Together those of a clip are the frames of ``RowPlan.redrawn``.

        Raises:
            InputError: one row alone does not fit into memory.
        """
        rows = self._rows_that_fit()
        parts = self._batch(Position(), rows)
        while parts:
            latents = self._sample_if_it_fits(parts)
            if latents is not None:
                for part, result in zip(parts, _split(latents, parts), strict=True):
                    yield part.clip, result[list(part.kept)]
                parts = self._batch(after(parts), rows)
                continue
            release_cached_memory()  # only now has the exception let go of the tensors
            rows = _rows_in(parts) // 2
            remember_rows(self.model, self._shape, rows)
            logger.warning("Keyframe Sampler: out of memory; going on with batches of %d frames", rows)
            parts = self._batch(start_of(parts), rows)

    def _batch(self, position: Position, rows: int) -> list[Part]:
        return batch_from(self.plans, position, rows)

    def _sample_if_it_fits(self, parts: Sequence[Part]) -> torch.Tensor | None:
        try:
            return self._sample(parts)
        except OutOfMemory as error:
            half = _rows_in(parts) // 2
            if half == 0 or _rows_in(self._batch(start_of(parts), half)) == _rows_in(parts):
                remedy = "Use a smaller size, or more keyframes if the mode is dense."
                raise InputError("size", _size(self.row), "what fits the GPU", remedy) from error
        return None

    def _rows_that_fit(self) -> int:
        load(self.model, *(self.control.control_net.get_models() if self.control else ()))
        if self.settings.sampler == BY_THE_PICTURE:
            return 1  # the smallest batches there are, so that they do not depend on memory or other clips
        per_row = self.model.memory_required([2, *self.row.shape[1:]])  # cond and uncond
        estimate = max(1, int(free_memory(self.model.load_device) / (per_row * MEMORY_MARGIN)))
        pixels: int = math.prod(self.row.shape[2:])
        estimate = min(estimate, max(1, LARGEST_TENSOR // (2 * LARGEST_PER_PIXEL * pixels)))
        remembered = remembered_rows(self.model, self._shape)
        return estimate if remembered is None else min(estimate, remembered)

    @property
    def _shape(self) -> tuple[int, ...]:
        """What decides, with the weights, how many rows fit."""
        return (*self.row.shape[1:], int(self.control is not None), int(self.references is not None))

    def _sample(self, parts: Sequence[Part]) -> torch.Tensor:
        model, settings = self.model, self.settings
        seeds = [self.clips[part.clip].seed for part in parts for _ in part.frames]
        solver = comfy.samplers.KSampler(
            model, settings.steps, model.load_device, settings.sampler, settings.scheduler, settings.denoise
        )
        sampler = comfy.samplers.sampler_object(settings.sampler)
        sampler = with_step_noise(sampler, settings.sampler, self.row, seeds, solver.sigmas, model.load_device)
        positive, negative = self._conditioning(parts)
        if self.anchors:
            self.anchors.begin(parts, self.keyframes)
        if self.references:
            self._begin_references(self.references, parts)
        samples = comfy.sample.sample_custom(
            model,
            start_noise(self.row, seeds),
            settings.cfg,
            sampler,
            solver.sigmas,
            positive,
            negative,
            torch.cat([self.latents[part.clip][self._rows(part)] for part in parts]),
            noise_mask=self._of_rows("masks", parts),
            callback=self.on_step,
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=seeds[0],
        )
        if self.anchors:
            self.anchors.commit()
        return samples  # type: ignore[no-any-return]

    def _begin_references(self, references: ReferenceAttention, parts: Sequence[Part]) -> None:
        clips = [self.clips[part.clip] for part in parts]
        found = [clip.reference for clip in clips if clip.reference is not None]
        latents = self.model.model.process_latent_in(torch.cat([one.latent for one in found]))
        noise = start_noise(self.row, [clip.seed for clip in clips])
        references.begin(parts, latents, noise, torch.cat([one.seen for one in found]))

    def _of_rows(self, name: Literal["masks", "concealed"], parts: Sequence[Part]) -> torch.Tensor | None:
        """What clips have for each row; all of a group have it, or none has."""
        values = [(getattr(self.clips[part.clip], name), self._rows(part)) for part in parts]
        found = [value[rows] for value, rows in values if value is not None]
        return torch.cat(found) if found else None

    def _rows(self, part: Part) -> list[int]:
        """Where the part's frames lie among the clip's rows."""
        return [self._places[part.clip][frame] for frame in part.frames]

    def _conditioning(self, parts: Sequence[Part]) -> tuple[Any, Any]:
        """The prompts with the ControlNet applied to these frames."""
        control, clips = self.control, [self.clips[part.clip] for part in parts]
        rows = [len(part.frames) for part in parts]
        positive = stack([clip.positive for clip in clips], rows)
        negative = stack([clip.negative for clip in clips], rows)
        if len(parts) == 1:  # prompts with something per frame share no batch
            frames, plan = parts[0].frames, clips[0].keyframes
            positive, negative = of_frames((positive, negative), plan, frames)
        concealed, masks = self._of_rows("concealed", parts), self._of_rows("masks", parts)
        if concealed is not None and masks is not None:
            hidden = {"concat_latent_image": concealed, "concat_mask": masks[:, None]}
            positive, negative = (conditioning_set_values(prompt, hidden) for prompt in (positive, negative))
        return self._controlled(positive, negative, parts) if control else (positive, negative)

    def _controlled(self, positive: Any, negative: Any, parts: Sequence[Part]) -> tuple[Any, Any]:
        """Prompts under the ControlNet; one that paints into pictures is given those around the masks."""
        control, layout = self.control, self._layout(parts)
        assert control is not None
        hints, concat = torch.cat([self._hints(part) for part in parts]), []
        masks = self._of_rows("masks", parts)
        if masks is not None and control.control_net.concat_mask:
            hints, around = outside(hints, masks[list(layout.keyframes)])
            concat = [around]
        applied: tuple[Any, Any] = ControlNetApplyAdvanced().apply_controlnet(
            positive,
            negative,
            rearranged(control.control_net, layout),
            hints,
            control.strength,
            control.start_percent,
            control.end_percent,
            vae=self.vae,
            extra_concat=concat,
        )
        return applied

    def _layout(self, parts: Sequence[Part]) -> Layout:
        if self.settings.mode == "sparse":
            return Layout.of(Keyframes.all_frames(_rows_in(parts), Fraction(1)))
        return Layout.joined([Layout.of(self.keyframes[part.clip], part.frames) for part in parts])

    def _hints(self, part: Part) -> torch.Tensor:
        clip, inside = self.clips[part.clip], set(part.frames)
        return clip.hints[[i for i, frame in enumerate(clip.keyframes.frames) if frame in inside]]


def _split(latents: torch.Tensor, parts: Sequence[Part]) -> Sequence[torch.Tensor]:
    return torch.split(latents, [len(part.frames) for part in parts])


def _rows_in(parts: Sequence[Part]) -> int:
    return sum(len(part.frames) for part in parts)


def _size(latent: torch.Tensor) -> str:
    return f"a latent of {latent.shape[-1]}x{latent.shape[-2]}"
