"""What cropping and putting back will take."""

from __future__ import annotations

from dataclasses import replace

from ..forecast.facts import Clips, DeviceWork, Forecast
from ..forecast.inputs import Inputs

ASSUMED_SHARE = 0.5
"""Of a picture, what a box takes: 48 % on the clip with one person that the measurements are made with."""


def crop(inputs: Inputs) -> Forecast | None:
    """Frames of as many pixels as asked for; where people are, and so the box, is not known before."""
    video = inputs.fact("video", Clips)
    if video is None:
        return None
    width, height = (int(inputs.value(side, 0)) for side in ("width", "height"))
    side = int(inputs.value("size", 512))
    size = (width, height) if width and height else (side, side)
    clips = tuple(replace(clip, size=size, share=clip.share * ASSUMED_SHARE) for clip in video.clips)
    inputs.notes.append(
        f"{inputs.title}: how much of the picture its box takes is known when it has run; for what is not generated "
        f"{ASSUMED_SHARE:.0%} is assumed."
    )
    cropped = Clips(clips)
    return Forecast((cropped, cropped, None), (DeviceWork("crop", "cpu", cropped.frames),))


def put_back(inputs: Inputs) -> Forecast | None:
    """As many frames as the edit has, of the size of what they are laid over."""
    frames, source = inputs.fact("frames", Clips), inputs.fact("source", Clips)
    if frames is None or source is None:
        return None
    pairs = zip(frames.clips, source.clips, strict=False)
    clips = tuple(replace(edited, size=under.size, share=under.share) for edited, under in pairs)
    return Forecast((Clips(clips),), (DeviceWork("put back", "cpu", frames.frames),))


def clean_plate(inputs: Inputs) -> Forecast | None:
    """The clip again, every frame of it."""
    video = inputs.fact("video", Clips)
    if video is None:
        return None
    return Forecast((Clips(video.clips),), (DeviceWork("clean plate", "cpu", video.frames),))


def face_crop(inputs: Inputs) -> Forecast | None:
    """A square of every frame, held in memory."""
    video = inputs.fact("video", Clips)
    if video is None:
        return None
    side = int(inputs.value("size", 512))
    faces = Clips(tuple(replace(clip, size=(side, side)) for clip in video.clips), is_image=True)
    return Forecast((faces,), (DeviceWork("crop", "cpu", faces.frames),))
