"""From prompts, hints and plans of clips to their new frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

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
from .conditioning import check_controls, control_hints, has_picture, of_frames, without_control
from .families import check_families, paints_into_pictures
from .keyframe_control import not_interpolated
from .latents import decode, encode
from .masks import Mask, Place, check_shape, masks_of_frames
from .parts import RowPlan
from .reference import Reference, encoded
from .sampler import BY_THE_PICTURE, BatchSampler, Control, SampledClip, SamplerSettings, grouped
from .source import check_source, pictures_of

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
        place: of a clip that is redrawn under masks, the frames that are not sampled, or not from the start: those
            with an empty mask, and in mode hybrid those between the keyframes.
    """

    sampled: SampledClip
    motion: Motion | None = None
    place: Place | None = None

    @property
    def unchanged(self) -> frozenset[int]:
        """Numbers of the frames that stay the source's, as their masks are empty."""
        return frozenset(self.place.frames).difference(self.place.redrawn) if self.place else frozenset()


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
        motion = given.motion if self.settings.mode == "hybrid" else None
        if motion is not None:
            check_motion(motion, keyframes)
        size = self._size_of(hints)
        place = self._place(given.mask, given, keyframes, size) if given.mask is not None else None
        reference = self._reference(given.reference, size)
        clip = SampledClip(given.positive, given.negative, hints, keyframes, hints[:0], given.seed, reference=reference)
        if place is None:
            frames = self._frames_of(keyframes)
            return CheckedClip(replace(clip, latents=self._start_latents(given, frames, size)), motion)
        clip = replace(clip, redrawn=place.redrawn)
        rows = self._rows_of(clip)
        clip = self._under_masks(clip, place.of(rows.frames))
        return CheckedClip(clip, motion, place.of(sorted(set(place.frames).difference(rows.redrawn))))

    def frames_sampled(self, clip: CheckedClip) -> int:
        """How many frames of a clip are sampled from the start."""
        return len(self._rows_of(clip.sampled).redrawn)

    def edit(self, clips: Sequence[CheckedClip]) -> list[Edited]:
        """Edit clips that ``prepare`` gave, in batches that they share; in their order."""
        drawn = self._drawn([clip.sampled for clip in clips], self.models.control, self.settings.sampling)
        whole = [self._with_unchanged(clip, frames) for clip, frames in zip(clips, drawn, strict=True)]
        notes = [""] * len(clips)
        if self.settings.mode == "hybrid":
            whole, notes = self._with_frames_between(clips, whole)
        results = []
        for clip, frames, note in zip(clips, whole, notes, strict=True):
            keyframes = clip.sampled.keyframes
            plan = keyframes if self.settings.mode == "sparse" else _all_frames(keyframes)
            shots = _shots(plan, clip.unchanged)
            told = "; ".join(filter(None, (note, _told(clip.unchanged))))
            results.append(Edited(steadied(frames, shots, self.settings.steady_colours), plan, told))
        return results

    def _size_of(self, hints: torch.Tensor) -> tuple[int, int]:
        """Width and height of the frames that are sampled, in pixels."""
        factor = self.models.vae.spacial_compression_encode()
        return hints.shape[2] // factor * factor, hints.shape[1] // factor * factor

    def _frames_of(self, keyframes: Keyframes) -> Sequence[int]:
        """Numbers of the frames that are drawn from the start."""
        return range(keyframes.frame_count) if self.settings.mode == "dense" else keyframes.frames

    def _rows_of(self, clip: SampledClip) -> RowPlan:
        """Which frames of it take a row when it is sampled from the start."""
        return clip.row_plan(self.settings.sampling.mode)

    def _reference(self, picture: torch.Tensor | None, size: tuple[int, int]) -> Reference | None:
        if picture is None or self.settings.sampling.reference.strength == 0:
            return None
        return encoded(self.models.vae, picture, size)

    def _place(self, mask: Mask, given: ClipInput, keyframes: Keyframes, size: tuple[int, int]) -> Place:
        """What the mask leaves of all frames of the result."""
        source = check_source(given.source_video, given.keyframes, "mask", "one", "none")
        check_shape(mask, source.info.width, source.info.height)
        frames = range(keyframes.frame_count) if self.settings.mode == "hybrid" else self._frames_of(keyframes)
        masks = masks_of_frames(mask, given.keyframes, frames, size)
        return Place(tuple(frames), pictures_of(source, frames, size), masks)

    def _start_latents(self, given: ClipInput, frames: Sequence[int], size: tuple[int, int]) -> torch.Tensor:
        """Latents to start from without a mask: the source's frames, or zeros."""
        denoise = self.settings.sampling.denoise
        if denoise < 1:
            source = check_source(given.source_video, given.keyframes, "denoise", f"{denoise}", "1")
            return encode(self.models.vae, pictures_of(source, frames, size))
        factor = self.models.vae.spacial_compression_encode()
        return torch.zeros(len(frames), 4, size[1] // factor, size[0] // factor)

    def _under_masks(self, clip: SampledClip, place: Place) -> SampledClip:
        """A clip that starts from the pictures of a place, and is redrawn under its masks."""
        vae, concealed = self.models.vae, None
        prompts = clip.positive, clip.negative
        if paints_into_pictures(self.models.model) and not any(map(has_picture, prompts)):
            concealed = encode(vae, place.concealed())
        return replace(clip, latents=encode(vae, place.pictures), masks=place.masks, concealed=concealed)

    def _drawn(
        self, clips: Sequence[SampledClip], control: Control | None, settings: SamplerSettings
    ) -> list[torch.Tensor]:
        """Every clip's frames that are redrawn; none of those without any is looked at."""
        model, vae = self.models.model, self.models.vae
        busy = [clip for clip in clips if len(clip.latents)]
        rows = sum(len(clip.latents) for clip in busy)
        bar = LatentProgress(model, settings.steps, rows)
        latents: dict[SampledClip, list[torch.Tensor]] = {clip: [] for clip in busy}
        for group in grouped(busy, model):
            together = [busy[index] for index in group]
            sampler = BatchSampler(model, vae, control, settings, together, bar)
            for index, part in sampler.run():
                latents[together[index]].append(part)
        progress = Progress(sum(len(part) for parts in latents.values() for part in parts))
        return [_decoded(vae, torch.cat(latents[c]), progress) if c in latents else c.hints[:0] for c in clips]

    def _with_unchanged(self, clip: CheckedClip, redrawn: torch.Tensor) -> torch.Tensor:
        """All frames that are drawn from the start, in order: where nothing is to be redrawn, the source's."""
        if clip.place is None:
            return redrawn
        pictures = dict(zip(clip.place.frames, clip.place.pictures, strict=True))
        pictures |= zip(self._rows_of(clip.sampled).redrawn, redrawn, strict=True)
        return torch.stack([pictures[frame] for frame in self._frames_of(clip.sampled.keyframes)])

    def _with_frames_between(
        self, clips: Sequence[CheckedClip], drawn: Sequence[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[str]]:
        """All frames of the clips: keyframes as they are drawn, the others interpolated and redrawn; and notes."""
        interpolated = [self._interpolated(frames, clip) for frames, clip in zip(drawn, clips, strict=True)]
        whole, notes = [frames for frames, _ in interpolated], [note for _, note in interpolated]
        if not self.settings.refine_denoise:
            return whole, notes
        rough = [self._rough(clip, frames) for clip, frames in zip(clips, whole, strict=True)]
        light = replace(
            self.settings.sampling,
            mode="sparse",
            steps=self.settings.refine_steps,
            denoise=self.settings.refine_denoise,
            anchor=0.0,
        )
        for clip, frames, refined in zip(clips, whole, self._drawn(rough, None, light), strict=True):
            frames[_redrawn_between(clip)] = refined
        return whole, notes

    def _rough(self, checked: CheckedClip, frames: torch.Tensor) -> SampledClip:
        """The frames between the keyframes as a clip of their own, which starts from all its ``frames``."""
        clip, plan = checked.sampled, checked.sampled.keyframes
        prompts = [without_control(prompt) for prompt in (clip.positive, clip.negative)]
        positive, negative = of_frames(prompts, plan, range(plan.frame_count))
        between = _redrawn_between(checked)
        rough = replace(clip, positive=positive, negative=negative, keyframes=_all_frames(plan), redrawn=tuple(between))
        pictures = frames[between]
        if checked.place is None:
            return replace(rough, latents=encode(self.models.vae, pictures))
        return self._under_masks(rough, replace(checked.place.of(between), pictures=pictures))

    def _interpolated(self, images: torch.Tensor, clip: CheckedClip) -> tuple[torch.Tensor, str]:
        """Every frame of the grid ``(frames, h, w, 3)``, keyframes as they are; and how they were made."""
        keyframes, place = clip.sampled.keyframes, clip.place
        between = [frame for frame in range(keyframes.frame_count) if frame not in set(keyframes.frames)]
        told = [""]
        if _redrawn_between(clip):
            frames = self._by_the_net(images, clip, told)
        else:
            frames = images.new_zeros(keyframes.frame_count, *images.shape[1:])
        if place is not None:
            frames[between] = place.of(between).under(frames[between])
        frames[list(keyframes.frames)] = images.to(frames)
        return frames, told[-1]

    def _by_the_net(self, images: torch.Tensor, clip: CheckedClip, told: list[str]) -> torch.Tensor:
        """Frames of the whole grid, interpolated; ``told`` is added to."""
        model, keyframes = self.models.interp_model, clip.sampled.keyframes
        interpolator = NetInterpolator(model.model, accelerator(model))
        source, rate = ImageStream(images, keyframes.frame_rate), keyframes.frame_rate
        stream = InterpolatedStream(source, keyframes, rate, interpolator)
        if clip.motion is not None:
            stream = GuidedStream(source, keyframes, rate, interpolator, clip.motion, told=told.append)
        return to_image(np.concatenate(list(tracked(stream.chunks(), stream.info.frame_count))))


def _decoded(vae: Any, latents: torch.Tensor, progress: Progress) -> torch.Tensor:
    batches = []
    for batch in decode(vae, latents):
        batches.append(batch)
        progress.step(len(batch))
    return torch.cat(batches)


def _all_frames(plan: Keyframes) -> Keyframes:
    return Keyframes.all_frames(plan.frame_count, plan.frame_rate, plan.cuts)


def _redrawn_between(clip: CheckedClip) -> list[int]:
    """Numbers of the frames between the keyframes that are redrawn."""
    keyframes = clip.sampled.keyframes
    between = set(range(keyframes.frame_count) if clip.place is None else clip.place.redrawn)
    return sorted(between.difference(keyframes.frames))


def _shots(plan: Keyframes, unchanged: Collection[int]) -> list[list[int]]:
    """Rows of each shot's frames that are drawn."""
    drawn = [(row, frame) for row, frame in enumerate(plan.frames) if frame not in unchanged]
    return [[row for row, frame in drawn if first <= frame <= last] for first, last in plan.segments()]


def _told(unchanged: Collection[int]) -> str:
    count = len(unchanged)
    if not count:
        return ""
    return f"{count} frame{'s' * (count != 1)} stay{'s' * (count == 1)} as in the source, with nothing under the mask"
