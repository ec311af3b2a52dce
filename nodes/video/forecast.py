"""What loading and saving will take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..forecast.edit import EditedClip
from ..forecast.facts import Clips, DeviceWork, Forecast
from ..forecast.inputs import Inputs
from ..host.folders import VIDEO_SUFFIXES, input_clip, input_files
from ..keyframes.keyframes import Keyframes
from .clip import open_clip
from .decode_settings import decode_settings
from .grid import ClipStream


def load_video(inputs: Inputs) -> Forecast:
    """One clip."""
    settings = inputs.constants()
    return loaded(inputs, _opened([settings.pop("file")], settings))


def load_clips(inputs: Inputs) -> Forecast:
    """Several clips."""
    settings = inputs.constants()
    return loaded(inputs, _opened(input_files(settings.pop("files"), VIDEO_SUFFIXES), settings))


def _opened(names: Sequence[str], settings: dict[str, Any]) -> list[ClipStream]:
    opening = decode_settings(**settings)
    return [open_clip(input_clip(name), opening, lambda _topic, _text: None) for name in names]


def loaded(inputs: Inputs, streams: Sequence[ClipStream]) -> Forecast:
    """What a node does that opens these.

    Raises:
        InputError: the plan that the user has given is for another number of frames.
    """
    for info in [stream.info for stream in streams]:
        if inputs.keyframes and inputs.keyframes.frame_count != info.frame_count:
            allowed = f"a plan for the clip's {info.frame_count} frames"
            raise InputError("keyframes", f"a plan for {inputs.keyframes.frame_count} frames", allowed)
    clips = Clips(tuple(map(_clip, streams)))
    return Forecast((clips,), (DeviceWork("load", "cpu", clips.frames),))


def _clip(stream: ClipStream) -> EditedClip:
    info = stream.info
    plan = Keyframes.all_frames(info.frame_count, info.frame_rate)
    return EditedClip(plan, (info.width, info.height), stream.source_size)


def save_video(inputs: Inputs) -> Forecast:
    """Encoding, at the frame rate of what comes."""
    video = inputs.fact("video", Clips)
    return Forecast((video,), (DeviceWork("save", "cpu", video.frames),) if video else ())
