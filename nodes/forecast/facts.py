"""What is known of the values on the wires of a workflow before it runs.

A wire may carry several clips: a fact holds one item for each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeAlias

from ..keyframes.keyframes import Keyframes
from .edit_work import Edit, EditedClip, Nets, Rows, Size, Work

UNTIMED = Fraction(25)
"""Frames per second of pictures of which nobody says when they are shown."""


def times(count: float, each: float | None) -> float | None:
    """FLOPs of so many; ``None`` where those of one are not known."""
    return None if each is None or not math.isfinite(each) else count * each


def plus(one: float | None, other: float | None) -> float | None:
    """FLOPs of both; ``None`` where those of one are not known."""
    return None if one is None or other is None else one + other


@dataclass(frozen=True, eq=False)
class EditPlan:
    """An edit as far as the workflow has been followed.

    Attributes:
        edit, nets: what is to be done, and by which nets.
        nodes: ids of the nodes that do it, by stage.
        before: what this one goes on with.
    """

    edit: Edit
    nets: Nets
    nodes: Mapping[str, str]
    before: EditPlan | None = None


@dataclass(frozen=True, eq=False)
class Clips:
    """IMAGE, VIDEO, FRUGAL_KEYFRAMES or FRUGAL_MOTION.

    Attributes:
        clips: ``plan`` says which frames of their grid there are.
        edit: that they are the result of.
        is_image: whether they are held in memory, so that a node that reads them works at once.
    """

    clips: tuple[EditedClip, ...]
    edit: EditPlan | None = None
    is_image: bool = False

    @property
    def frames(self) -> int:
        """How many there are."""
        return sum(len(clip.plan.frames) for clip in self.clips)

    @property
    def grid(self) -> int:
        """How many there would be without keyframes."""
        return sum(clip.plan.frame_count for clip in self.clips)


def pictures(count: int, size: Size, frame_rate: Fraction = UNTIMED) -> Clips:
    """An IMAGE of so many pictures."""
    return Clips((EditedClip(Keyframes.all_frames(count, frame_rate), size, size),), is_image=True)


@dataclass(frozen=True)
class Guides:
    """What beside text guides a video model in a pass; a part of CONDITIONING.

    Attributes:
        controls: control videos of VACE; ``None`` where none is given (ComfyUI then makes one of zeros), 0 where the
            blocks that look at it are left out.
        reference: whether the net itself puts a latent frame in front of the clip (``reference_latents`` of Fun 2.2).
        vision_tokens: of the vision encoder, 257 for a picture.
        pose: whether there is a pose video (``pose_video_latent`` of Animate).
        face_frames: frames of its face video, of 512 x 512 pixels.
    """

    controls: int | None = None
    reference: bool = False
    vision_tokens: int = 0
    pose: bool = False
    face_frames: int = 0


VideoWork: TypeAlias = Callable[[int, int, int, Guides], "float | None"]
"""FLOPs (or bytes) for one row, from a width and a height in pixels, a number of latent frames, and what guides it."""


@dataclass(frozen=True, eq=False)
class VideoNet:
    """The net of a video model.

    Attributes:
        flops: of one pass for one row and prompt.
        memory: bytes that a row takes while it is sampled with both prompts, by ComfyUI's own rule.
        every: pictures that a latent frame stands for; the first stands for one.
        frame_rate: at which it was trained.
        takes: names of ``Guides`` that change what it does; it ignores the others.
    """

    flops: VideoWork
    memory: VideoWork
    every: int = 4
    frame_rate: int = 16
    takes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Windows:
    """Context windows.

    Attributes:
        length, overlap: in latent frames (in rows, if they are cut from the batch).
        schedule: ComfyUI's name of it.
        in_time: whether they are cut from latent frames rather than from the batch.
        stride, is_closed: of some schedules.
    """

    length: int
    overlap: int
    schedule: str = "standard_static"
    in_time: bool = True
    stride: int = 1
    is_closed: bool = False


@dataclass(frozen=True, eq=False)
class Model:
    """MODEL.

    A pass for a batch of ``latents`` takes ``flops(latents, guides)``: images by width and height alone, videos by
    width, height and latent frames.

    Attributes:
        unet, look, row_memory: of images, see ``edit_work.Nets``.
        weights: bytes of the net, as it is held.
        model_sampling: ComfyUI's noise levels.
        name: of the file.
        video: of a video model whose work can be counted; ``None`` for others, and for images.
        is_of_pictures: whether it can make nothing but single pictures.
        windows: that a pass is done in, one after the other.
        guided: from when to when (0..1) control videos of VACE count; outside its blocks are left out.
        spares: titles of nodes that leave out some work, nobody knows how much: what is counted is the most.
        loras: file names of what has been added to its weights.
    """

    unet: Work
    look: Work
    row_memory: Work
    weights: float
    model_sampling: Any
    name: str = ""
    video: VideoNet | None = None
    windows: Windows | None = None
    guided: tuple[float, float] = (0.0, 1.0)
    spares: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    is_of_pictures: bool = False

    @property
    def is_distilled(self) -> bool:
        """Whether it is made for few steps without a negative prompt, by its name or that of a LoRA on it."""
        return any(_DISTILLED.search(name) for name in (self.name, *self.loras))

    def flops(self, latents: Latents, guides: Guides = Guides()) -> float | None:
        """FLOPs of one pass for all rows, with one prompt and without windows; ``None`` if they cannot be counted."""
        if self.video is None:
            each = self.unet(*latents.size)
        else:
            each = self.video.flops(*latents.size, latents.frames or 1, guides)
        return None if each is None else latents.rows * each

    def memory(self, latents: Latents, guides: Guides = Guides()) -> float:
        """Bytes that all rows take in a pass with both prompts, without the weights."""
        if self.video is None:
            return latents.rows * (self.row_memory(*latents.size) or 0.0)
        return latents.rows * (self.video.memory(*latents.size, latents.frames or 1, guides) or 0.0)


_DISTILLED = re.compile(r"lcm|lightning|lightx2v|hyper|turbo|distill|dmd|causvid|\b[48][-_ ]?steps?", re.IGNORECASE)

ClipWork: TypeAlias = Callable[[int, int, int], "float | None"]
"""FLOPs for a clip, from a width and a height in pixels and a number of frames."""


@dataclass(frozen=True, eq=False)
class Vae:
    """VAE.

    Attributes:
        encode, decode: FLOPs for a frame by itself.
        encode_clip: of one that is causal in time: FLOPs for a clip, from its pictures; ``None`` for those of images.
        decode_clip: the same, from its latent frames.
        every: pictures that a latent frame stands for; the first stands for one.
    """

    encode: Work
    decode: Work
    encode_clip: ClipWork | None = None
    decode_clip: ClipWork | None = None
    every: int = 1


@dataclass(frozen=True)
class Clip:
    """CLIP: FLOPs for a prompt; 0 where they are nothing beside those of a sampler."""

    flops: float = 0.0


@dataclass(frozen=True)
class Vision:
    """CLIP_VISION: FLOPs for a picture, and the tokens that it becomes."""

    flops: float
    tokens: int = 257


@dataclass(frozen=True)
class VisionOutput:
    """CLIP_VISION_OUTPUT: so many tokens."""

    tokens: int


@dataclass(frozen=True)
class Number:
    """INT or FLOAT that a node gives, and that is known before the run: see ``Inputs.number``."""

    value: float


@dataclass(frozen=True, eq=False)
class ControlNet:
    """CONTROL_NET.

    Attributes:
        work: FLOPs of a row.
        hint: FLOPs of it that are spent on the picture that guides it.
        weights: bytes.
        keyframes: how many frames it is limited to; ``None`` for all.
    """

    work: Work
    hint: Work
    weights: float
    keyframes: int | None = None


@dataclass(frozen=True, eq=False)
class Upscaler:
    """UPSCALE_MODEL: FLOPs for a frame that is given, and how many times as wide the result is."""

    work: Work
    scale: float


@dataclass(frozen=True, eq=False)
class Interpolator:
    """INTERP_MODEL: FLOPs for a picture between two of which frames are made, and for a frame that is made."""

    prepare: Work
    interpolate: Work


@dataclass(frozen=True)
class Texts:
    """STRING: so many of them, from the node ``source``."""

    count: int
    source: str


@dataclass(frozen=True, eq=False)
class AppliedControl:
    """A ControlNet on a prompt.

    Attributes:
        start, end: from when to when it counts, 0..1.
        has_one_picture: whether one picture guides all rows: it is then looked at once for all.
    """

    net: ControlNet
    start: float = 0.0
    end: float = 1.0
    has_one_picture: bool = False


@dataclass(frozen=True, eq=False)
class Conditioning:
    """CONDITIONING.

    Attributes:
        controls: ControlNets that are applied to it.
        texts: that it is made of, where they are several.
        guides: what else guides a video model.
    """

    controls: tuple[AppliedControl, ...] = ()
    texts: Texts | None = None
    guides: Guides = Guides()


@dataclass(frozen=True)
class Latents:
    """LATENT.

    Attributes:
        rows: of the batch. A whole video is one row.
        size: width and height in pixels of the pictures that they stand for.
        frames: latent frames of a video, with those of a reference in front; ``None`` for pictures.
        every: pictures that a latent frame stands for; the first stands for one.
        items: of a list of such latents; nodes that take no lists work on one after the other.
        leading, guiding: latent frames in front and at the end that only guide the others.
    """

    rows: int
    size: Size
    frames: int | None = None
    every: int = 4
    leading: int = 0
    guiding: int = 0
    items: int = 1

    @property
    def pictures(self) -> int:
        """How many they are once decoded, of all rows and items."""
        return self.items * self.rows * (1 if self.frames is None else pictures_of(self.frames, self.every))


def pictures_of(latent_frames: int, every: int = 4) -> int:
    """Pictures of a video of so many latent frames."""
    return max(latent_frames - 1, 0) * every + min(latent_frames, 1)


def latent_frames_of(length: int, every: int = 4) -> int:
    """Latent frames of so many pictures, as ComfyUI's nodes round them down."""
    return (length - 1) // every + 1


@dataclass(frozen=True)
class Sigmas:
    """SIGMAS: those of a scheduler."""

    scheduler: str
    steps: int
    denoise: float = 1.0


@dataclass(frozen=True)
class SamplerName:
    """SAMPLER: ComfyUI's name of it."""

    name: str


@dataclass(frozen=True, eq=False)
class Guider:
    """GUIDER: a model and the prompts that it is run on."""

    model: Model
    prompts: tuple[Conditioning, ...]
    cfg: float


@dataclass(frozen=True)
class DeviceWork:
    """What a node has to do.

    Attributes:
        stage: of ``edit_work.GPU_STAGES`` or ``edit_work.CPU_STAGES``, or any other name.
        device: ``"gpu"`` or ``"cpu"``.
        frames: that go through it.
        flops: ``None`` where they cannot be counted.
        rows: that nets are run on.
        memory: bytes on the GPU at the peak.
        model: that samples a video.
    """

    stage: str
    device: str
    frames: int
    flops: float | None = 0.0
    rows: Rows = field(default_factory=Rows)
    memory: float = 0.0
    model: Model | None = None

    def repeated(self, count: int) -> DeviceWork:
        """The same so many times, one after the other."""
        return replace(
            self, frames=count * self.frames, flops=times(count, self.flops), rows=sum([self.rows] * count, Rows())
        )


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a node gives and does.

    Attributes:
        outputs: facts by output; ``None`` where nothing is known, and so for those that are missing.
        work: that follows from these facts alone.
        edit: what the node begins, or goes on with: its work depends on what comes behind.
    """

    outputs: tuple[object, ...] = ()
    work: tuple[DeviceWork, ...] = ()
    edit: EditPlan | None = None
