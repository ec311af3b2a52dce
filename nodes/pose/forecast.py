"""What finding and drawing poses will take."""

from __future__ import annotations

from dataclasses import replace

from ..forecast.facts import Clips, DeviceWork, Forecast
from ..forecast.inputs import Inputs
from .render import proportional_size


def extract_pose(inputs: Inputs) -> Forecast:
    """Every frame is looked at."""
    video = inputs.fact("video", Clips)
    if video is None:
        return Forecast()
    return Forecast((Clips(video.clips),), (DeviceWork("pose", "cpu", video.frames),))


def draw_pose(inputs: Inputs) -> Forecast:
    """A picture for every keyframe, or every frame of the motion."""
    size = tuple(int(inputs.value(side, 0)) for side in ("width", "height"))
    frame = inputs.fact("video", Clips) or inputs.fact("motion", Clips)
    drawn = inputs.fact("keyframes", Clips) or frame
    if drawn is None or frame is None:
        return Forecast()
    clips = [
        replace(clip, size=proportional_size(like.size, size[0], size[1]), share=like.share)
        for clip, like in zip(drawn.clips, frame.clips, strict=False)
    ]
    images = Clips(tuple(clips), is_image=True)
    return Forecast((images,), (DeviceWork("draw", "cpu", images.frames),))
