"""What clips that are fitted to a model will take."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ..errors import InputError
from ..forecast.edit_work import EditedClip
from ..forecast.facts import Clips, DeviceWork, Forecast, Number
from ..forecast.inputs import Inputs
from ..keyframes.keyframes import Keyframes
from ..video.forecast import loaded, opened_clips
from ..video.picture_stream import PictureStream
from ..video.rates import usual_rate
from .fit import fitted_length
from .rule import LengthRule, rule_named


def fit_length(inputs: Inputs) -> Forecast | None:
    """As many frames as the model takes; the way back knows how many are the clip's own."""
    video = inputs.fact("video", Clips)
    if video is None:
        return None
    asked, most = float(inputs.value("frame_rate", 12.0)), int(inputs.value("most", 0))
    if asked < 0:
        raise InputError("frame_rate", f"{asked:g}", "more than 0 frames/s, or 0 for the video's own")
    rule = rule_named(str(inputs.value("rule")))
    rate = usual_rate(asked) if asked else None
    both = [_fitted(clip, rule, rate, most) for clip in _at_rate(inputs, asked) or video.clips]
    fitted, kept = (Clips(tuple(clips)) for clips in zip(*both, strict=True))
    length = Number(max(len(clip.plan.frames) for clip in fitted.clips))
    return Forecast((fitted, length, kept), (DeviceWork("load", "cpu", fitted.frames),))


def _at_rate(inputs: Inputs, frame_rate: float) -> tuple[EditedClip, ...] | None:
    """The clip of a Load Video as it will be read anew; ``None`` where it will not, or of another loader."""
    source = inputs.source("video")
    if not frame_rate or source is None or inputs.flow.kind(source) != "FrugalLoadVideo":
        return None
    given = inputs.flow.inputs(source)
    streams = opened_clips([given["file"]], {**given, "frame_rate": frame_rate})
    found = loaded(replace(inputs, keyframes=None), [one for one in streams if not isinstance(one, PictureStream)])
    (clips,) = found.outputs
    return clips.clips if isinstance(clips, Clips) else None


def _fitted(
    clip: EditedClip, rule: LengthRule, frame_rate: Fraction | None, most: int
) -> tuple[EditedClip, EditedClip]:
    """A clip as the model is given it, and its own frames of that."""
    rate = frame_rate or clip.plan.frame_rate
    length = fitted_length(max(round(clip.seconds * rate), 1), rule, most)
    given, kept = (replace(clip, plan=Keyframes.all_frames(count, rate)) for count in (length.frames, length.kept))
    return given, kept


def restore_length(inputs: Inputs) -> Forecast | None:
    """The clip's own frames, at the size of those that come."""
    frames, kept = inputs.fact("frames", Clips), inputs.fact("way_back", Clips)
    if frames is None or kept is None:
        return None
    pairs = zip(frames.clips, kept.clips, strict=False)
    return Forecast((Clips(tuple(replace(clip, plan=own.plan) for clip, own in pairs)),))
