"""What is known of the values on the wires of a workflow before it runs.

A wire may carry several clips: a fact holds one item for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..keyframes.keyframes import Keyframes
from .edit_work import Edit, EditedClip, Nets, Rows, Size, Work

UNTIMED = Fraction(25)
"""Frames per second of pictures of which nobody says when they are shown."""


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


@dataclass(frozen=True, eq=False)
class Model:
    """MODEL: see ``model_work.CheckpointWork``."""

    unet: Work
    look: Work
    row_memory: Work
    weights: float
    model_sampling: Any


@dataclass(frozen=True, eq=False)
class Vae:
    """VAE: FLOPs for a frame."""

    encode: Work
    decode: Work


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
    """CONDITIONING: what is applied to it, and the texts that it is made of where they are several."""

    controls: tuple[AppliedControl, ...] = ()
    texts: Texts | None = None


@dataclass(frozen=True)
class Latents:
    """LATENT: rows, and width and height of the pictures that they stand for."""

    rows: int
    size: Size


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
    """

    stage: str
    device: str
    frames: int
    flops: float | None = 0.0
    rows: Rows = field(default_factory=Rows)
    memory: float = 0.0


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
