"""What interpolation will take."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError
from ..forecast.edit_work import FIGURES, Edit, EditedClip, Nets
from ..forecast.facts import Clips, DeviceWork, EditPlan, Forecast, Interpolator
from ..forecast.finishing_work import interpolation_work
from ..forecast.inputs import Inputs
from ..host.folders import model_file
from ..keyframes.keyframes import Keyframes
from ..video.rates import usual_rate
from .schedule import frame_count, frames_to_make


def load_interpolator(inputs: Inputs) -> Forecast:
    """INTERP_MODEL."""
    path = model_file("frame_interpolation", str(inputs.value("model_name")), "model_name")
    try:
        return Forecast((Interpolator(*interpolation_work(path)),))
    except InputError:  # FILM
        inputs.notes.append(f"The work of {path.name} cannot be counted; it is left out.")
        return Forecast((Interpolator(_nothing, _nothing),))


def _nothing(_width: int, _height: int) -> float:
    return 0.0


def interpolate(inputs: Inputs) -> Forecast:
    """Frames between those that come; in the cheaper order with an upscaling."""
    rate = usual_rate(inputs.number("frame_rate", 25.0))
    if rate <= 0:
        raise InputError("frame_rate", str(rate), "more than 0")
    frames, net = inputs.fact("frames", Clips), inputs.fact("interp_model", Interpolator)
    if frames is None:
        return Forecast()
    plan = inputs.fact("keyframes", Clips)
    clips = tuple(_timed(clip, other.plan) for clip, other in zip(frames.clips, (plan or frames).clips, strict=False))
    before = inputs.edit_of(frames)
    if before and before.edit.frame_rate is not None:
        before = None
    old = before or EditPlan(Edit(clips, mode=None), Nets(), {})
    nets = replace(old.nets, prepare=net.prepare, interpolate=net.interpolate) if net else old.nets
    nodes = {**old.nodes, "interpolate": inputs.node_id}
    ways = _ways(inputs)
    found = EditPlan(replace(old.edit, frame_rate=rate, ways=ways), nets, nodes, before)
    made = (replace(clip, plan=Keyframes.all_frames(frame_count(clip.plan, rate), rate)) for clip in clips)
    figures = DeviceWork(FIGURES, "cpu", sum(frames_to_make(clip.plan, rate).made for clip in clips))
    return Forecast((Clips(tuple(made), found),), (figures,) if ways else (), found)


def _ways(inputs: Inputs) -> int:
    """See ``Edit.ways``."""
    way = str(inputs.value("way", "best"))
    wired = sum(inputs.is_wired(name) for name in ("motion", "guide"))
    if way == "net alone" or not wired:
        return 0
    return 1 + wired if way == "best" else 1


def _timed(clip: EditedClip, plan: Keyframes) -> EditedClip:
    """A clip with the times of a plan: for as many frames as it has keyframes, or frames at all."""
    if len(clip.plan.frames) == len(plan.frames):
        return replace(clip, plan=plan)
    return replace(clip, plan=Keyframes.all_frames(plan.frame_count, plan.frame_rate, plan.cuts))
