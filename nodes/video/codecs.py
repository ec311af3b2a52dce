"""What video can be saved as: one row per codec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
import av.codec

from ..errors import InputError


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg's with the container and the settings it is used with.

    ``crf`` gives the constant rate factors for quality 0 and 100. Sound in one of ``copied`` (a codec, or one with its
    profile) needs no encoding, since whatever plays the pictures plays it; without ``audio_encoder`` there is none.
    Without ``suffix`` the result is a folder with a file for every frame. Above the ``fastest`` frame rate, if there is
    one, frames are left out evenly.
    """

    encoder: str
    pixel_format: str
    container: str
    suffix: str
    audio_encoder: str
    copied: frozenset[str]
    crf: tuple[int, int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    fastest: int | None = None

    def leaves_out(self, frame_rate: Fraction) -> int:
        """Of so many frames one is kept: 1 for all."""
        return math.ceil(frame_rate / self.fastest) if self.fastest else 1

    def copies(self, codec: str, profile: str) -> bool:
        """Whether sound in that codec and profile is taken over as it is."""
        return not self.copied.isdisjoint((codec, f"{codec} {profile}"))

    @property
    def is_rgb(self) -> bool:
        """Whether pictures are stored as they are, without conversion to YUV."""
        return self.pixel_format == "rgb24"

    @property
    def is_palette(self) -> bool:
        """Whether pictures are stored as numbers of colours."""
        return self.pixel_format == "pal8"

    @property
    def has_sound(self) -> bool:
        """Whether it has room for sound."""
        return bool(self.audio_encoder)

    @property
    def is_sequence(self) -> bool:
        """Whether it makes a file of every frame."""
        return not self.suffix

    def encoder_options(self, quality: int) -> dict[str, str]:
        """The encoder's options for a quality of 0..100."""
        if self.crf is None:
            return dict(self.options)
        worst, best = self.crf
        return {**self.options, "crf": str(round(worst + (best - worst) * quality / 100))}


_MP4 = ("mp4", ".mp4", "aac", frozenset({"aac LC"}))  # all else that fits into MP4 is silent somewhere
_WEBM = ("webm", ".webm", "libopus", frozenset({"opus", "vorbis"}))
_MOV = ("mov", ".mov", "pcm_s16le", frozenset({"aac", "pcm_s16le", "pcm_s24le", "alac"}))
_LOSSLESS_MP4 = ("mp4", ".mp4", "flac", frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}))

# Quality 75 is visually clean: CRF 18 for H.264, 21 for H.265, 25 for VP9 and AV1.
CODECS: Mapping[str, Codec] = {
    "h264": Codec("libx264", "yuv420p", *_MP4, crf=(38, 12)),
    "h265": Codec("libx265", "yuv420p", *_MP4, crf=(42, 14), options={"x265-params": "log-level=none"}, tag="hvc1"),
    "av1": Codec("libsvtav1", "yuv420p", *_MP4, crf=(55, 15), options={"preset": "8"}),
    "vp9": Codec("libvpx-vp9", "yuv420p", *_WEBM, crf=(55, 15), options={"b": "0", "row-mt": "1", "cpu-used": "4"}),
    "prores": Codec("prores_ks", "yuv422p10le", *_MOV, options={"profile": "3", "vendor": "apl0"}),
    # Browsers play what is faster than 50 frames per second at 10.
    "gif": Codec("gif", "pal8", "gif", ".gif", "", frozenset(), fastest=50),
    "png sequence": Codec("png", "rgb24", "image2", "", "", frozenset()),
    "lossless": Codec("libx264rgb", "rgb24", *_LOSSLESS_MP4, options={"qp": "0", "preset": "veryfast"}),
}


def codec_named(name: str) -> Codec:
    """Look a codec up.

    Raises:
        InputError: there is none of that name, or the installed FFmpeg cannot encode it.
    """
    known = [key for key, codec in CODECS.items() if codec.encoder in av.codec.codecs_available]
    if name not in known:
        raise InputError("codec", repr(name), ", ".join(known))
    return CODECS[name]
