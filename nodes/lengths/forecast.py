"""What clips that are fitted to a model will take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from ..errors import InputError
from ..forecast.edit_work import EditedClip
from ..forecast.facts import UNTIMED, Clips, DeviceWork, Forecast, Number
from ..forecast.inputs import Inputs
from ..keyframes.keyframes import Keyframes
from ..video.decode import FileStream
from ..video.forecast import loaded, opened_clips
from ..video.picture_stream import PictureStream
from ..video.rates import usual_rate
from .fit import fitted_length
from .rule import LengthRule, rule_named


@dataclass(frozen=True, eq=False)
class FittedClips(Clips):
    """FRUGAL_LENGTH: a clip's own frames of those that the model is given.

    Attributes:
        source_rate: frames per second that the clip had.
    """

    source_rate: Fraction = UNTIMED


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
    given, own = (tuple(clips) for clips in zip(*both, strict=True))
    fitted, kept = Clips(given), FittedClips(own, source_rate=_source_rate(inputs, video))
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


def _source_rate(inputs: Inputs, video: Clips) -> Fraction:
    """Frames per second of the clip's file, or of the clip where it comes from none directly."""
    source = inputs.source("video")
    if source is not None and inputs.flow.kind(source) == "FrugalLoadVideo":
        given = inputs.flow.inputs(source)
        (stream,) = opened_clips([given["file"]], given)
        if isinstance(stream, FileStream):
            return stream.source.frame_rate
    return video.clips[0].plan.frame_rate


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
    frames, kept = inputs.fact("frames", Clips), inputs.fact("way_back", FittedClips)
    if frames is None or kept is None:
        return None
    pairs = zip(frames.clips, kept.clips, strict=False)
    clips = Clips(tuple(replace(clip, plan=own.plan) for clip, own in pairs))
    return Forecast((clips, Number(float(kept.source_rate))))
