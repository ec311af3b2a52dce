"""Between ComfyUI's VIDEO and our streams."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import torch
from comfy_api.latest import Input, Types

from ..errors import InputError
from ..video.audio import load_waveform, trimmed
from ..video.clip import open_clip
from ..video.codecs import CONTAINERS
from ..video.decode_settings import DecodeSettings
from ..video.encode import EncodeSettings, save
from ..video.rates import usual_rate
from ..video.stream import CHUNK, ArrayStream, Frames, FrameStream, Waveform
from ..video.tensors import to_frames, whole_image
from .frugal_node import Stage
from .metadata import as_tag
from .previews import shown_on_node


class StreamVideo(Input.Video):
    """A VIDEO that streams. Core nodes take it as their own; ours read ``stream`` and never hold the clip.

    Args:
        stream: the frames and their audio.
        stage: who is charged for producing the frames, whoever reads them.
    """

    def __init__(self, stream: FrameStream, stage: Stage | None = None) -> None:
        self.stream = Charged(stream, stage) if stage else stream

    def get_components(self) -> Types.VideoComponents:
        frames = whole_image(self.stream.chunks(), self.stream.info)
        audio = audio_output(load_waveform(self.stream.audio)) if self.stream.audio else None
        return Types.VideoComponents(images=frames, audio=audio, frame_rate=self.get_frame_rate())

    def save_to(
        self,
        path: str | os.PathLike[str] | IO[bytes],
        format: Any = Types.VideoContainer.AUTO,  # noqa: A002  ComfyUI's name
        codec: Any = Types.VideoCodec.AUTO,
        metadata: dict[str, Any] | None = None,
        bit_depth: int | None = None,
        crf: float | None = None,
        color_space: str | None = None,
        **unknown: Any,
    ) -> None:
        """Write the video as core's own do: :func:`encode_settings` says what the arguments mean.

        ComfyUI 0.3.75 passes the first four, 0.33 all that have a name.

        Raises:
            InputError: an argument asks for what cannot be done, or is one that only newer ComfyUI knows.
        """
        target = Path(path) if isinstance(path, str | os.PathLike) else path
        settings = encode_settings(target, format, codec, bit_depth, crf, color_space, **unknown)
        tags = {key: value if isinstance(value, str) else as_tag(value) for key, value in (metadata or {}).items()}
        save(self.stream, target, settings, metadata=tags)

    def as_trimmed(
        self, start_time: float | None = None, duration: float | None = None, strict_duration: bool = False
    ) -> StreamVideo | None:
        """Part of the video (abstract in newer ComfyUI). ``None`` if ``strict_duration`` cannot be met.

        A negative ``start_time`` counts from the end, as core's does.
        """
        info = self.stream.info
        first = round(Fraction(start_time or 0) * info.frame_rate)
        if first < 0:
            first = max(info.frame_count + first, 0)
        count = round(Fraction(duration) * info.frame_rate) if duration else info.frame_count - first
        if first + count > info.frame_count and strict_duration:
            return None
        count = min(count, info.frame_count - first)
        return StreamVideo(_Trimmed(self.stream, first, count)) if count > 0 else None

    def get_dimensions(self) -> tuple[int, int]:
        return self.stream.info.width, self.stream.info.height

    def get_duration(self) -> float:
        return float(self.stream.info.duration)

    def get_frame_count(self) -> int:
        return self.stream.info.frame_count

    def get_frame_rate(self) -> Fraction:
        return self.stream.info.frame_rate

    def get_container_format(self) -> str:
        """What ``save_to`` writes by default; core's own answer would encode the video to look."""
        return EncodeSettings().row.container

    def get_bit_depth(self) -> int:
        """Of our frames, whatever the file has that they came from (new in ComfyUI 0.33)."""
        return 8

    def get_color_space(self) -> str:
        """Of our frames: HDR is brought to the range of ordinary screens when it is read (new in ComfyUI 0.33)."""
        return "sRGB"


_AUTO = "auto"  # core's word for "as you like", in each of its enums


def encode_settings(
    target: Path | IO[bytes],
    container: Any = _AUTO,
    codec: Any = _AUTO,
    bit_depth: int | None = None,
    crf: float | None = None,
    color_space: str | None = None,
    **unknown: Any,
) -> EncodeSettings:
    """What the arguments of core's ``VideoInput.save_to`` mean here.

    Args:
        target: by its suffix, ``auto`` is .webm, .mkv or .mov; MP4 otherwise.
        container, codec: members of core's enums, or their values; ``auto`` is AV1 in WebM and H.264 elsewhere.
        bit_depth: 8 or 10; ``None`` is that of our frames, 8.
        crf: the encoder's constant rate factor; ``None`` is the quality that our own nodes have by default.
        color_space: ``sRGB`` or ``None``, since our frames are never HDR.
        unknown: of a newer ComfyUI; ``None`` and ``auto`` ask for nothing.

    Raises:
        InputError: it cannot be done.
    """
    for name, value in unknown.items():
        if value is not None and _value(value) != _AUTO:
            raise InputError(name, repr(value), "nothing, as this version of the pack does not know it")
    kind = _value(container)
    if kind == _AUTO:
        suffix = target.suffix.lower() if isinstance(target, Path) else ""
        kind = suffix[1:] if suffix in (".webm", ".mkv", ".mov") else "mp4"
    if kind not in CONTAINERS:
        raise InputError("format", repr(kind), ", ".join(CONTAINERS))
    if color_space not in (None, _AUTO, "sRGB"):
        remedy = "Frames of this pack are for ordinary screens, even those of an HDR video: there is no HDR in them."
        raise InputError("color_space", repr(color_space), "auto or sRGB", remedy)
    name = _value(codec)
    return EncodeSettings(
        ("av1" if kind == "webm" else "h264") if name == _AUTO else name,
        container=kind,
        crf=crf,
        bit_depth=8 if bit_depth is None else bit_depth,
        transfer="srgb" if color_space == "sRGB" else "bt709",
    )


def _value(member: Any) -> str:
    return str(getattr(member, "value", member))


def is_video(value: Any) -> bool:
    """Whether something is a VIDEO, ours or core's."""
    return isinstance(value, Input.Video)


def as_stream(video: Input.Video, name: str = "video") -> FrameStream:
    """The frames of any VIDEO: ours, a file of a core loader, or images in memory.

    Args:
        name: of the input.

    Raises:
        InputError: it is none, such as a switch's nothing, or has no frames.
    """
    if isinstance(video, StreamVideo):
        return video.stream
    if not is_video(video):
        found = "nothing" if video is None else f"a {type(video).__name__}"
        raise InputError(name, found, "a VIDEO")
    # The default implementation would encode a VIDEO made of images to answer.
    has_file = type(video).get_stream_source is not Input.Video.get_stream_source
    source = video.get_stream_source() if has_file else None
    if isinstance(source, str):
        start, duration = getattr(video, "get_active_trim_window", lambda: (0.0, 0.0))()
        trim = DecodeSettings(start=Fraction(start), duration=Fraction(duration) if duration else None)
        return open_clip(Path(source), trim)
    parts = video.get_components()
    if len(parts.images) == 0:
        raise InputError(name, "no frames", "1 frame or more")
    # Create Video has made a fraction of a float, such as 23.976.
    return ArrayStream(to_frames(parts.images), usual_rate(parts.frame_rate), audio_input(parts.audio))


def uncharged(stream: FrameStream) -> tuple[FrameStream, Stage | None]:
    """A stream itself, and who is charged for it."""
    return (stream.source, stream.stage) if isinstance(stream, Charged) else (stream, None)


def audio_input(audio: Any) -> Waveform | None:
    """ComfyUI's AUDIO, or ``None`` where there is nothing to hear."""
    if audio is None or audio["waveform"].shape[-1] == 0:
        return None
    return Waveform(audio["waveform"][0].float().cpu().numpy(), int(audio["sample_rate"]))


def audio_output(audio: Waveform) -> dict[str, Any]:
    """Our audio as ComfyUI's AUDIO."""
    return {"waveform": torch.from_numpy(audio.samples)[None], "sample_rate": audio.sample_rate}


class Charged(FrameStream):
    """A stream whose work is charged to the stage that made it, not to the node that reads it."""

    def __init__(self, source: FrameStream, stage: Stage) -> None:
        self.source, self.stage = source, stage
        self.info, self.audio, self.seekable = source.info, source.audio, source.seekable

    def content(self) -> object:
        return self.source

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        chunks = self._charged(self.source.chunks(size))
        stage = self.stage
        return shown_on_node(chunks, self.info, stage.node_id, stage.beside) if stage.is_shown else chunks

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        return self._charged(self.source.section(first, end, size))

    def _charged(self, chunks: Iterator[Frames]) -> Iterator[Frames]:
        while True:
            with self.stage.charged() as cost:
                chunk = next(chunks, None)
                cost.frames += 0 if chunk is None else len(chunk)
            if chunk is None:
                return
            yield chunk

    def frames_at(self, indices: Sequence[int]) -> Frames:
        with self.stage.charged() as cost:
            frames = self.source.frames_at(indices)
            cost.frames += len(frames)
        return frames


class _Trimmed(FrameStream):
    def __init__(self, source: FrameStream, first: int, count: int) -> None:
        self.source, self.first, self.count = source, first, count
        self.info = replace(source.info, frame_count=count, lasts=None)
        self.audio = trimmed(source.audio, first / self.info.frame_rate, self.info.duration)
        self.seekable = source.seekable

    def content(self) -> object:
        return self.source, self.first, self.info.frame_count

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.section(0, self.count, size)

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        return self.source.section(self.first + first, self.first + min(end, self.count), size)
