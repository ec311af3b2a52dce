"""What an edit is to do, and how much work that is, before any of it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from math import sqrt
from typing import Literal, TypeAlias

from ..interpolation.guided.net_runs import net_runs
from ..interpolation.schedule import FramesToMake, frame_count, frames_to_make
from ..keyframes.keyframes import Keyframes
from ..sampling.parts import Part, Position, RowPlan, after, batch_from
from ..upscaling.size import target_size

Mode = Literal["sparse", "hybrid", "dense"]
Order = Literal["cheaper", "upscale first", "interpolate first"]
Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

Work: TypeAlias = Callable[[int, int], "float | None"]
"""FLOPs (or bytes) for a frame of a width and a height in pixels; ``None`` if they cannot be counted."""

Calls: TypeAlias = Callable[[int], tuple[int, int]]
"""From the number of steps to the runs of the UNet, and to those of them in which the ControlNet counts."""

Looks: TypeAlias = Callable[[int], int]
"""From the number of steps to those runs of the UNet in which frames look at a reference."""

GPU_STAGES = ("text", "vision", "encode", "sample", "sample video", "decode", "interpolate", "upscale")
CPU_STAGES = ("load", "pose", "plan", "draw", "save")
FIGURES = "figures"
"""What the CPU does for frames between that follow a motion."""

NAIVE_RATE, NAIVE_STEPS = Fraction(25), 50
NO_LIMIT = 10**9


def one_per_step(steps: int) -> tuple[int, int]:
    """The ``Calls`` of most samplers, with a ControlNet from the first step to the last."""
    return steps, steps


@dataclass(frozen=True)
class EditedClip:
    """A clip.

    Attributes:
        plan: the frames of its grid, and which are sampled.
        size: at which it is worked on.
        source_size: of its file.
        share: of the picture, how much is worked on; less than 1 where people are cut out.
    """

    plan: Keyframes
    size: Size
    source_size: Size
    share: float = 1.0

    @property
    def seconds(self) -> Fraction:
        """How long it is shown."""
        return self.plan.frame_count / self.plan.frame_rate

    @property
    def uncut(self) -> EditedClip:
        """The same with whole pictures, in which people are as large."""
        if self.share >= 1:
            return self
        across, down = self.source_size
        scale = sqrt(self.size[0] * self.size[1] / self.share / (across * down))
        return replace(self, size=latent_size((across * scale, down * scale)), share=1.0)


@dataclass(frozen=True)
class Edit:
    """An edit of clips.

    Attributes:
        mode: of the sampler; ``None`` if nothing is sampled.
        steps, refine_steps: of the keyframes (in mode dense of all frames), and in mode hybrid of those between.
        cfg: whether the negative prompt counts, which doubles the rows.
        is_distilled: whether the model is made for few steps without a negative prompt (LCM, Lightning, Hyper).
        encodes: whether sampling starts from the source's frames.
        refines: whether the frames between are redrawn in mode hybrid.
        calls, refine_calls: what the sampler makes of the steps.
        anchors: frames of its clip that every sampled frame looks at.
        references: as how many pictures a reference counts for who looks at it.
        looks, refine_looks: when frames look at it, if they have one.
        frame_rate: of the result, if frames are interpolated.
        ways: that a shot's interpolated frames may be made by, where they follow a motion; 0 where they follow none.
        upscales, scale, longer_side: whether and how far frames are enlarged, see ``upscaling.size.target_size``.
        order: which of interpolation and upscaling is first.
        full_precision: fp32 where the machine would take half.
        cached: stages that a cache is expected to spare.
        cpu: stages on the CPU, of ``CPU_STAGES``; with the frames that go through each, where those are known.
    """

    clips: tuple[EditedClip, ...]
    mode: Mode | None = "sparse"
    steps: int = 18
    refine_steps: int = 4
    cfg: bool = True
    encodes: bool = False
    refines: bool = True
    calls: Calls = one_per_step
    refine_calls: Calls = one_per_step
    anchors: int = 0
    references: int = 0
    looks: Looks | None = None
    refine_looks: Looks | None = None
    frame_rate: Fraction | None = None
    ways: int = 0
    upscales: bool = False
    scale: float = 2.0
    longer_side: int = 0
    order: Order = "cheaper"
    full_precision: bool = False
    cached: frozenset[str] = frozenset()
    cpu: tuple[str, ...] | Mapping[str, int] = ()
    is_distilled: bool = False

    @property
    def seconds(self) -> Fraction:
        """Of video."""
        return sum((clip.seconds for clip in self.clips), Fraction(0))

    def enlarged(self, size: Size) -> Size:
        """The size of the result."""
        return target_size(*size, self.scale, self.longer_side) if self.upscales else size


def _nothing(width: int, height: int) -> float | None:
    return 0.0


@dataclass(frozen=True)
class Nets:
    """Work of the nets for one frame of some size; nothing for nets that are not used.

    Attributes:
        unet, control: FLOPs of one row.
        look: FLOPs that a row takes more for each picture that it looks at.
        encode, decode: FLOPs of the VAE.
        prepare, interpolate: FLOPs for a picture between two of which frames are made, and for a frame that is made.
        upscale: FLOPs for a frame that is given.
        weights: bytes of UNet and ControlNet.
        row_memory: bytes that a frame takes while it is sampled.
    """

    unet: Work = _nothing
    control: Work = _nothing
    look: Work = _nothing
    encode: Work = _nothing
    decode: Work = _nothing
    prepare: Work = _nothing
    interpolate: Work = _nothing
    upscale: Work = _nothing
    weights: float = 0.0
    row_memory: Work = _nothing


@dataclass(frozen=True)
class Rows:
    """Rows (frames x steps x prompts) that nets are run on, and how often one looks at another picture."""

    unet: int = 0
    control: int = 0
    looks: int = 0

    def __add__(self, other: Rows) -> Rows:
        return Rows(self.unet + other.unet, self.control + other.control, self.looks + other.looks)


@dataclass(frozen=True)
class StageWork:
    """What a stage has to do: ``frames`` go through it; ``flops`` is ``None`` where they cannot be counted."""

    frames: int = 0
    flops: float | None = 0.0

    def __add__(self, other: StageWork) -> StageWork:
        unknown = self.flops is None or other.flops is None
        return StageWork(self.frames + other.frames, None if unknown else (self.flops or 0) + (other.flops or 0))


def rows(job: Edit, rows_that_fit: int = NO_LIMIT) -> Rows:
    """Rows of all clips.

    Args:
        rows_that_fit: into a batch. Batches of mode dense that end within a clip share a keyframe with the next.
    """
    return sum((_rows(job, group, rows_that_fit) for group in _groups(job)), Rows())


def _groups(job: Edit) -> Iterator[list[EditedClip]]:
    """Clips that share batches: those of one size."""
    for _, group in groupby(sorted(job.clips, key=lambda clip: clip.size), lambda clip: clip.size):
        yield list(group)


def _rows(job: Edit, group: Sequence[EditedClip], fit: int) -> Rows:
    if job.mode is None:
        return Rows()
    prompts = 2 if job.cfg else 1
    plans = [clip.plan for clip in group]
    sampled = controlled = parts = 0
    for part in _parts(plans, job.mode == "dense", fit):
        parts += 1
        sampled += len(part.frames)
        controlled += len(set(plans[part.clip].frames).intersection(part.frames))
    calls, with_control = job.calls(job.steps)
    looks = job.looks(job.steps) if job.looks else 0
    found = Rows(
        sampled * calls * prompts + parts * looks,
        controlled * with_control * prompts,
        sampled * (job.anchors * calls + job.references * looks) * prompts,
    )
    if job.mode != "hybrid" or not job.refines:
        return found
    return found + _refined_rows(job, plans, fit, prompts)


def _refined_rows(job: Edit, plans: Sequence[Keyframes], fit: int, prompts: int) -> Rows:
    between = [others for plan in plans if (others := plan.between())]
    refined = sum(len(plan.frames) for plan in between)
    parts = len(list(_parts(between, False, fit)))
    calls, _ = job.refine_calls(job.refine_steps)
    looks = job.refine_looks(job.refine_steps) if job.refine_looks else 0
    return Rows(refined * calls * prompts + parts * looks, 0, refined * job.references * looks * prompts)


def _parts(plans: Sequence[Keyframes], dense: bool, fit: int) -> Iterator[Part]:
    """The batches that the sampler cuts clips into."""
    clips = [RowPlan.of("dense" if dense else "sparse", plan) for plan in plans]
    parts = batch_from(clips, Position(), fit)
    while parts:
        yield from parts
        parts = batch_from(clips, after(parts), fit)


def frames_between(plan: Keyframes) -> int:
    """Frames of the grid that are no keyframes."""
    return plan.frame_count - len(plan.frames)


def work(job: Edit, nets: Nets, rows_that_fit: int = NO_LIMIT) -> dict[str, StageWork]:
    """What each stage on the GPU has to do, of ``GPU_STAGES``; those that a cache spares too."""
    total = {stage: StageWork() for stage in GPU_STAGES}
    for group in _groups(job):
        size, found = group[0].size, _rows(job, group, rows_that_fit)
        total["sample"] += StageWork(0, _times(found.unet, nets.unet(*size)))
        total["sample"] += StageWork(0, _times(found.control, nets.control(*size)))
        total["sample"] += StageWork(0, _times(found.looks, nets.look(*size)))
    for clip in job.clips:
        for stage, done in _of_clip(job, clip, nets):
            total[stage] += done
    return {stage: done for stage, done in total.items() if done.frames}


def _of_clip(job: Edit, clip: EditedClip, nets: Nets) -> Iterator[tuple[str, StageWork]]:
    plan, size = clip.plan, clip.size
    if job.mode is not None:
        keys = plan.frame_count if job.mode == "dense" else len(plan.frames)
        between = frames_between(plan) if job.mode == "hybrid" and job.refines else 0
        encoded = keys * job.encodes + between + (job.looks is not None)
        yield "sample", StageWork(keys + between)
        yield "encode", StageWork(encoded, _times(encoded, nets.encode(*size)))
        yield "decode", StageWork(keys + between, _times(keys + between, nets.decode(*size)))
    if job.mode == "hybrid":
        yield "interpolate", _interpolation(_to_make(plan, plan.frame_rate), size, nets)
    if job.mode in ("dense", "hybrid"):
        plan = Keyframes.all_frames(plan.frame_count, plan.frame_rate, plan.cuts)
    yield from _finishing(job, plan, size, nets)


def _finishing(job: Edit, plan: Keyframes, size: Size, nets: Nets) -> Iterator[tuple[str, StageWork]]:
    """Interpolation and upscaling, in the job's order."""
    large = job.enlarged(size)
    enlarges = large[0] > size[0] + 1 or large[1] > size[1] + 1  # as Upscaler.uses_net
    pictures = len(plan.frames)
    if job.frame_rate is None:
        yield "upscale", _upscaling(pictures if enlarges else 0, size, nets)
        return
    frames, runs = _to_make(plan, job.frame_rate), _runs(plan, job.frame_rate, job.ways)
    orders: dict[str, tuple[StageWork, StageWork]] = {
        "upscale first": (_upscaling(pictures * enlarges, size, nets), _interpolation(frames, large, nets, runs)),
        "interpolate first": (
            _upscaling((frames.made + frames.shown) * enlarges, size, nets),
            _interpolation(frames, size, nets, runs),
        ),
    }
    best = min(orders, key=lambda order: sum(done.flops or 0 for done in orders[order]))
    upscaling, interpolation = orders[best if job.order == "cheaper" else job.order]
    yield "interpolate", interpolation
    yield "upscale", upscaling


def _upscaling(frames: int, size: Size, nets: Nets) -> StageWork:
    return StageWork(frames, _times(frames, nets.upscale(*size)))


def _interpolation(frames: FramesToMake, size: Size, nets: Nets, runs: int = 0) -> StageWork:
    """By a net between the clip's pictures; or in ``runs`` of it, each on a pair of its own."""
    made, prepared = (runs, 2 * runs) if runs else (frames.made, frames.used)
    done = StageWork(frames.made, _times(made, nets.interpolate(*size)))
    return done + StageWork(0, _times(prepared, nets.prepare(*size)))


def cpu_frames(job: Edit) -> dict[str, int]:
    """Frames that go through each of the job's stages on the CPU."""
    if isinstance(job.cpu, Mapping):
        return dict(job.cpu)
    grid = sum(clip.plan.frame_count for clip in job.clips)
    counts = {
        "draw": sum(len(clip.plan.frames) for clip in job.clips),
        "save": sum(frame_count(clip.plan, job.frame_rate or clip.plan.frame_rate) for clip in job.clips),
    }
    return {stage: counts.get(stage, grid) for stage in job.cpu}


def naive(job: Edit) -> Edit:
    """What people do for the same clips: every frame at 25 fps in the source's size, 50 steps with ControlNet, fp32.

    Where nothing is sampled, it is the job itself in fp32, upscaling all frames of the result.
    """
    undone = replace(job, full_precision=True, cached=frozenset(), order="interpolate first")
    if job.mode is None:
        return undone
    return replace(
        undone,
        clips=tuple(
            EditedClip(Keyframes.all_frames(max(round(clip.seconds * NAIVE_RATE), 1), NAIVE_RATE), source, source)
            for clip in job.clips
            for source in [latent_size(clip.source_size)]
        ),
        mode="dense",
        steps=NAIVE_STEPS,
        frame_rate=None,
        upscales=False,
    )


def latent_size(size: tuple[float, float]) -> Size:
    """The nearest size whose sides are multiples of 8, as latents need."""
    width, height = (max(round(side / 8), 1) * 8 for side in size)
    return width, height


def savings(job: Edit) -> Iterator[tuple[str, Edit]]:
    """The way from the naive job, which comes first, to ``job``: each one differs from the one before by one saving."""
    step = naive(job)
    yield "naive", step
    if job.mode is not None:
        sources = [latent_size(clip.source_size) for clip in job.clips]
        dense = [Keyframes.all_frames(c.plan.frame_count, c.plan.frame_rate, c.plan.cuts) for c in job.clips]
        every_frame = tuple(EditedClip(plan, size, size) for plan, size in zip(dense, sources, strict=True))
        step = replace(step, clips=every_frame, frame_rate=job.frame_rate)
        yield "frame rate", step
        step = replace(step, clips=tuple(EditedClip(c.plan, s, s) for c, s in zip(job.clips, sources, strict=True)))
        yield "ControlNet on keyframes", step
        step = replace(step, mode=job.mode)
        yield "keyframes", step
        step = replace(step, steps=job.steps)
        yield "fewer steps", step
        step = replace(step, clips=tuple(clip.uncut for clip in job.clips), upscales=job.upscales)
        yield "size", step
        step = replace(step, clips=job.clips)
        yield "not generated", step
    step = replace(step, full_precision=False)
    yield "half precision", step
    step = replace(step, order=job.order)
    yield "upscale order", step
    yield "cache", replace(step, cached=job.cached)


def _times(count: int, each: float | None) -> float | None:
    return 0.0 if count == 0 else None if each is None else count * each


@lru_cache(maxsize=64)
def _to_make(plan: Keyframes, frame_rate: Fraction) -> FramesToMake:
    return frames_to_make(plan, frame_rate)


@lru_cache(maxsize=64)
def _runs(plan: Keyframes, frame_rate: Fraction, ways: int) -> int:
    return net_runs(plan, frame_rate, ways) if ways else 0
