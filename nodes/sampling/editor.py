"""From prompts, hints and plans of clips to their new frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import comfy.utils
import numpy as np
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..errors import InputError
from ..host.models import accelerator
from ..host.progress import LatentProgress, Progress, tracked
from ..interpolation.guided.poses import check_motion
from ..interpolation.guided_stream import GuidedStream
from ..interpolation.interpolator import NetInterpolator
from ..interpolation.stream import InterpolatedStream
from ..keyframes.keyframes import Keyframes
from ..motion.motion import Motion
from ..video.stream import FrameStream
from ..video.tensors import ImageStream, to_image
from .colour import steadied
from .conditioning import check_controls, control_hints, of_frames, without_control
from .families import check_families
from .keyframe_control import not_interpolated
from .latents import decode, encode
from .masks import Mask, masks_of_frames
from .reference import Reference, encoded
from .sampler import BY_THE_PICTURE, BatchSampler, Control, SampledClip, SamplerSettings, grouped

EditMode = Literal["sparse", "hybrid", "dense"]
EDIT_MODES: tuple[str, ...] = get_args(EditMode)


@dataclass(frozen=True, eq=False)
class Models:
    """What an edit is done with: ComfyUI's MODEL, VAE and CONTROL_NET, and an INTERP_MODEL for the mode hybrid."""

    model: Any
    vae: Any
    control: Control
    interp_model: Any = None


@dataclass(frozen=True)
class EditSettings:
    """How clips are edited.

    Attributes:
        mode: ``"sparse"`` samples the keyframes; ``"hybrid"`` then interpolates the frames between them and redraws
            them lightly, without ControlNet; ``"dense"`` samples all frames under keyframed control.
        sampling: of the keyframes, or in dense mode of all frames.
        refine_steps, refine_denoise: of the frames between; with ``refine_denoise`` 0 they stay as interpolated.
        steady_colours: 0..1, see ``colour.steadied``.
    """

    mode: EditMode
    sampling: SamplerSettings
    refine_steps: int = 4
    refine_denoise: float = 0.3
    steady_colours: float = 0.0


@dataclass(frozen=True, eq=False)
class ClipInput:
    """What a user gives for one clip.

    Attributes:
        positive, negative: CONDITIONING.
        control_images: hints as IMAGE.
        keyframes: the plan.
        seed: of the noise.
        source_video: the clip, if it is redrawn.
        motion: that the hints show; in the mode hybrid figures between keyframes follow it.
        mask: where the clip is redrawn, as MASK or as a stream of grey frames; ``None`` for everywhere.
        reference: a picture that all frames look at, as IMAGE; ``None`` for none.
    """

    positive: Any
    negative: Any
    control_images: torch.Tensor
    keyframes: Keyframes
    seed: int
    source_video: FrameStream | None = None
    motion: Motion | None = None
    mask: Mask | None = None
    reference: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class CheckedClip:
    """A clip that can be edited.

    Attributes:
        sampled: what is sampled of it.
        motion: that is followed in between, if one is.
        masks: of the frames between the keyframes, if those are redrawn under a mask.
    """

    sampled: SampledClip
    motion: Motion | None = None
    masks: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Edited:
    """Frames ``(n, h, w, 3)`` in 0..1, which frames of the clip they are, and what there is to tell of them."""

    frames: torch.Tensor
    keyframes: Keyframes
    note: str = ""


class Editor:
    """Edits clips.

    Raises:
        InputError: the mode lacks a model, or the model cannot do what is asked.
    """

    def __init__(self, models: Models, settings: EditSettings) -> None:
        self.models, self.settings = models, settings
        if settings.mode == "hybrid" and models.interp_model is None:
            remedy = "Connect Load Interpolation Model, or choose sparse and interpolate later."
            raise InputError("interp_model", "nothing", "an interpolation model, for the mode hybrid", remedy)
        if settings.sampling.anchor > 0:
            self._check_that_frames_can_look("anchor", f"{settings.sampling.anchor:g}", "0")
        if settings.sampling.anchor > 0 and settings.sampling.sampler == BY_THE_PICTURE:
            found = f"{settings.sampling.anchor:g} with {BY_THE_PICTURE}, whose noise levels differ from frame to frame"
            raise InputError("anchor", found, "0, or another sampler_name")

    def not_interpolated(self) -> str | None:
        """The class of a ControlNet that runs on every frame although the mode is dense, as it cannot be keyframed."""
        return not_interpolated(self.models.control.control_net) if self.settings.mode == "dense" else None

    def _check_that_frames_can_look(self, name: str, found: str, nothing: str) -> None:
        """Refuse models without the self-attention of a UNet.

        Raises:
            InputError: names the input ``name``, what was ``found`` there, and what it is for ``nothing``.
        """
        model = self.models.model.model
        if not isinstance(model.diffusion_model, UNetModel):
            raise InputError(name, f"{found} with {type(model).__name__}", f"{nothing}, or SD1.5 or SDXL")

    def prepare(self, given: ClipInput) -> CheckedClip:
        """Check a clip, and encode what of it is redrawn.

        Raises:
            InputError: something does not fit the models or the plan.
        """
        models = self.models
        keyframes = _all_frames(given.keyframes) if self.not_interpolated() else given.keyframes
        check_families(models.model, models.vae, models.control.control_net, given.positive, given.negative)
        check_controls("positive", given.positive, keyframes)
        check_controls("negative", given.negative, keyframes)
        if given.reference is not None:
            self._check_that_frames_can_look("reference", "a picture", "none")
        hints = control_hints(given.control_images, keyframes)
        frames = keyframes.frames if self.settings.mode != "dense" else range(keyframes.frame_count)
        motion = given.motion if self.settings.mode == "hybrid" else None
        if motion is not None:
            check_motion(motion, keyframes)
        size = self._size_of(hints)
        latents = self._start_latents(given, frames, size)
        masks, between = self._masks(given, frames, size)
        prompts, reference = (given.positive, given.negative), self._reference(given.reference, size)
        sampled = SampledClip(*prompts, hints, keyframes, latents, given.seed, masks, reference)
        return CheckedClip(sampled, motion, between)

    def edit(self, clips: Sequence[CheckedClip]) -> list[Edited]:
        """Edit clips that ``prepare`` gave, in batches that they share; in their order."""
        mode, sampling = self.settings.mode, self.settings.sampling
        sampled = [clip.sampled for clip in clips]
        drawn, notes = self._drawn(sampled, self.models.control, sampling), [""] * len(clips)
        if mode == "hybrid":
            drawn, notes = self._with_frames_between(clips, drawn)
        results = []
        for clip, frames, note in zip(sampled, drawn, notes, strict=True):
            plan = clip.keyframes if mode == "sparse" else _all_frames(clip.keyframes)
            results.append(Edited(steadied(frames, _shots(plan), self.settings.steady_colours), plan, note))
        return results

    def _size_of(self, hints: torch.Tensor) -> tuple[int, int]:
        """Width and height of the frames that are sampled, in pixels."""
        factor = self.models.vae.spacial_compression_encode()
        return hints.shape[2] // factor * factor, hints.shape[1] // factor * factor

    def _start_latents(self, given: ClipInput, frames: Sequence[int], size: tuple[int, int]) -> torch.Tensor:
        """Latents to start from: the source's frames, or zeros."""
        vae, denoise, source = self.models.vae, self.settings.sampling.denoise, given.source_video
        if denoise >= 1 and given.mask is None:
            factor = vae.spacial_compression_encode()
            return torch.zeros(len(frames), 4, size[1] // factor, size[0] // factor)
        if source is None:
            remedy = "Connect source_video to keep some of it."
            if given.mask is not None:
                raise InputError("mask", "one without a source video", "none", remedy)
            raise InputError("denoise", f"{denoise} without a source video", "1", remedy)
        if source.info.frame_count != given.keyframes.frame_count:
            allowed = f"{given.keyframes.frame_count}, as the keyframes were planned for"
            raise InputError("source_video", f"{source.info.frame_count} frames", allowed)
        images = to_image(source.frames_at(frames)).movedim(-1, 1)
        fitted = comfy.utils.common_upscale(images, *size, "area", "disabled")
        return encode(vae, fitted.movedim(1, -1))

    def _reference(self, picture: torch.Tensor | None, size: tuple[int, int]) -> Reference | None:
        if picture is None or self.settings.sampling.reference.strength == 0:
            return None
        return encoded(self.models.vae, picture, size)

    def _masks(
        self, given: ClipInput, frames: Sequence[int], size: tuple[int, int]
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Of what is sampled, and of the frames that are redrawn between, where there are any."""
        if given.mask is None:
            return None, None
        between = given.keyframes.between() if self.settings.mode == "hybrid" else None
        wanted = frames, between.frames if between else ()
        found, others = (masks_of_frames(given.mask, given.keyframes, numbers, size) for numbers in wanted)
        return found, others if between else None

    def _drawn(
        self, clips: Sequence[SampledClip], control: Control | None, settings: SamplerSettings
    ) -> list[torch.Tensor]:
        """Every clip's sampled frames."""
        model, vae = self.models.model, self.models.vae
        rows = sum(len(clip.latents) for clip in clips)
        bar = LatentProgress(model, settings.steps, rows)
        latents: list[list[torch.Tensor]] = [[] for _ in clips]
        for group in grouped(clips, model):
            sampler = BatchSampler(model, vae, control, settings, [clips[index] for index in group], bar)
            for index, part in sampler.run():
                latents[group[index]].append(part)
        progress = Progress(rows)
        return [_decoded(vae, torch.cat(parts), progress) for parts in latents]

    def _with_frames_between(
        self, clips: Sequence[CheckedClip], drawn: Sequence[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[str]]:
        """All frames of the clips: keyframes as they are drawn, the others interpolated and redrawn; and notes."""
        interpolated = [self._interpolated(frames, clip) for frames, clip in zip(drawn, clips, strict=True)]
        whole, notes = [frames for frames, _ in interpolated], [note for _, note in interpolated]
        rough = {
            index: self._rough(clip, plan, whole[index])
            for index, clip in enumerate(clips)
            if (plan := clip.sampled.keyframes.between()) and self.settings.refine_denoise > 0
        }
        if rough:
            light = replace(
                self.settings.sampling,
                mode="sparse",
                steps=self.settings.refine_steps,
                denoise=self.settings.refine_denoise,
                anchor=0.0,
            )
            for (index, clip), frames in zip(rough.items(), self._drawn([*rough.values()], None, light), strict=True):
                whole[index][list(clip.keyframes.frames)] = frames
        return whole, notes

    def _rough(self, checked: CheckedClip, between: Keyframes, frames: torch.Tensor) -> SampledClip:
        """The frames between the keyframes as a clip of their own, which starts from all its ``frames``."""
        clip, plan = checked.sampled, checked.sampled.keyframes
        prompts = [without_control(prompt) for prompt in (clip.positive, clip.negative)]
        positive, negative = of_frames(prompts, plan, range(plan.frame_count))
        latents = encode(self.models.vae, frames[list(between.frames)])
        prompted = replace(clip, positive=positive, negative=negative)
        return replace(prompted, keyframes=between, latents=latents, masks=checked.masks)

    def _interpolated(self, images: torch.Tensor, clip: CheckedClip) -> tuple[torch.Tensor, str]:
        """Every frame of the grid ``(frames, h, w, 3)``, keyframes as they are; and how they were made."""
        model, keyframes = self.models.interp_model, clip.sampled.keyframes
        interpolator = NetInterpolator(model.model, accelerator(model))
        source, rate = ImageStream(images, keyframes.frame_rate), keyframes.frame_rate
        told = [""]
        stream = InterpolatedStream(source, keyframes, rate, interpolator)
        if clip.motion is not None:
            stream = GuidedStream(source, keyframes, rate, interpolator, clip.motion, told=told.append)
        frames = to_image(np.concatenate(list(tracked(stream.chunks(), stream.info.frame_count))))
        frames[list(keyframes.frames)] = images.to(frames)
        return frames, told[-1]


def _decoded(vae: Any, latents: torch.Tensor, progress: Progress) -> torch.Tensor:
    batches = []
    for batch in decode(vae, latents):
        batches.append(batch)
        progress.step(len(batch))
    return torch.cat(batches)


def _all_frames(plan: Keyframes) -> Keyframes:
    return Keyframes.all_frames(plan.frame_count, plan.frame_rate, plan.cuts)


def _shots(plan: Keyframes) -> list[list[int]]:
    """Rows of each shot's frames."""
    return [[row for row, frame in enumerate(plan.frames) if a <= frame <= b] for a, b in plan.segments()]
