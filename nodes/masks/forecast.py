"""What finding masks will take."""

from __future__ import annotations

from ..forecast.facts import Clips, DeviceWork, Forecast
from ..forecast.inputs import Inputs


def person_masks(inputs: Inputs) -> Forecast:
    """Every frame is looked at."""
    video = inputs.fact("video", Clips)
    if video is None:
        return Forecast()
    return Forecast((Clips(video.clips),), (DeviceWork("masks", "cpu", video.frames),))


def mask_frames(inputs: Inputs) -> Forecast:
    """A mask for each keyframe, or each frame."""
    video, plan = inputs.fact("video", Clips), inputs.fact("keyframes", Clips)
    return Forecast((), (DeviceWork("masks", "cpu", (plan or video).frames),)) if video else Forecast()
