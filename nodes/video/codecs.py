"""What video can be saved as: one row per codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import av
import av.codec

from ..errors import InputError


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg's with the container and the settings it is used with.

    ``crf`` gives the constant rate factors for quality 0 and 100. Sound in one of ``copies`` needs no encoding.
    """

    encoder: str
    pixel_format: str
    container: str
    suffix: str
    audio_encoder: str
    copies: frozenset[str]
    crf: tuple[int, int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""

    @property
    def is_rgb(self) -> bool:
        """Whether pictures are stored as they are, without conversion to YUV."""
        return self.pixel_format == "rgb24"

    def encoder_options(self, quality: int) -> dict[str, str]:
        """The encoder's options for a quality of 0..100."""
        if self.crf is None:
            return dict(self.options)
        worst, best = self.crf
        return {**self.options, "crf": str(round(worst + (best - worst) * quality / 100))}


_MP4 = ("mp4", ".mp4", "aac", frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}))
_WEBM = ("webm", ".webm", "libopus", frozenset({"opus", "vorbis"}))
_MOV = ("mov", ".mov", "pcm_s16le", frozenset({"aac", "pcm_s16le", "pcm_s24le", "alac"}))
_LOSSLESS_MP4 = (*_MP4[:2], "flac", _MP4[3])

# Quality 75 is visually clean: CRF 18 for H.264, 21 for H.265, 25 for VP9 and AV1.
CODECS: Mapping[str, Codec] = {
    "h264": Codec("libx264", "yuv420p", *_MP4, crf=(38, 12)),
    "h265": Codec("libx265", "yuv420p", *_MP4, crf=(42, 14), options={"x265-params": "log-level=none"}, tag="hvc1"),
    "av1": Codec("libsvtav1", "yuv420p", *_MP4, crf=(55, 15), options={"preset": "8"}),
    "vp9": Codec("libvpx-vp9", "yuv420p", *_WEBM, crf=(55, 15), options={"b": "0", "row-mt": "1", "cpu-used": "4"}),
    "prores": Codec("prores_ks", "yuv422p10le", *_MOV, options={"profile": "3", "vendor": "apl0"}),
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
