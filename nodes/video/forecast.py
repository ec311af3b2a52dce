"""What loading and saving will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..forecast.edit_work import EditedClip
from ..forecast.facts import Clips, DeviceWork, Forecast
from ..forecast.inputs import Inputs
from ..host.folders import VIDEO_SUFFIXES, input_clip, input_files
from ..keyframes.keyframes import Keyframes
from .clip import open_clip
from .decode_settings import decode_settings
from .grid import ClipStream


def load_video(inputs: Inputs) -> Forecast:
    """One clip."""
    given = inputs.constants()
    return loaded(inputs, opened_clips([given["file"]], given))


def load_clips(inputs: Inputs) -> Forecast:
    """Several clips."""
    given = inputs.constants()
    return loaded(inputs, opened_clips(input_files(given["files"], VIDEO_SUFFIXES), given))


def same_clip(inputs: Inputs) -> Forecast | None:
    """The clip of a Load Video again; of another loader, nobody knows which."""
    source = inputs.source("video")
    if source is None or inputs.flow.kind(source) != "FrugalLoadVideo":
        return None
    given = inputs.flow.inputs(source)
    (stream,) = opened_clips([given["file"]], {**given, **inputs.constants("video")})
    clips = Clips((_clip(stream),))
    return Forecast((clips,), (DeviceWork("load", "cpu", clips.frames),))


def opened_clips(names: Iterable[str], given: Mapping[str, Any]) -> list[ClipStream]:
    """Clips in ComfyUI's input folder, as a node will open them; of what there is to note of them, the run tells.

    Args:
        given: the node's inputs that are known: names, and arguments of ``decode_settings``.

    Raises:
        InputError: one is not there, or cannot be read.
    """
    opening = decode_settings(**{name: value for name, value in given.items() if name not in ("file", "files")})
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


def compare(_inputs: Inputs) -> Forecast:
    """Nothing: small pictures, and those only where an editor watches."""
    return Forecast()
