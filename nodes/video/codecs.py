"""What video can be saved as: one row per codec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    one, frames are left out evenly. ``worst_crf`` is the largest factor that the encoder takes; ``lossless`` is what
    stands for a factor of 0 where that would mean the encoder's default. ``deep`` is the pixel format of 10 bits,
    ``also`` are the other :data:`CONTAINERS` that take the codec.
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
    worst_crf: float = 0
    lossless: Mapping[str, str] = field(default_factory=dict)
    deep: str = ""
    also: tuple[str, ...] = ()

    def in_container(self, name: str) -> Codec:
        """The same pictures in one of :data:`CONTAINERS`, with that one's sound.

        Raises:
            InputError: it does not take them.
        """
        allowed = [key for key, row in CONTAINERS.items() if key in self.also or row[0] == self.container]
        if name not in allowed:
            raise InputError("format", repr(name), f"{' or '.join(allowed) or 'none'} for {self.encoder}")
        if CONTAINERS[name][0] == self.container:
            return self
        container, suffix, audio_encoder, copied = CONTAINERS[name]
        return replace(self, container=container, suffix=suffix, audio_encoder=audio_encoder, copied=copied)

    def of_depth(self, bits: int) -> Codec:
        """The same with so many bits for each colour.

        Raises:
            InputError: the encoder is not used with so many.
        """
        if bits == 8:
            return self
        if bits != 10 or not self.deep:
            raise InputError("bit_depth", str(bits), f"{'8 or 10' if self.deep else '8'} for {self.encoder}")
        return replace(self, pixel_format=self.deep)

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

    def encoder_options(self, quality: int, crf: float | None = None) -> dict[str, str]:
        """The encoder's options for a quality of 0..100, or for a constant rate factor of its own scale.

        Raises:
            InputError: the encoder does not take this factor.
        """
        if crf is not None and not (self.crf and 0 <= crf <= self.worst_crf):
            allowed = f"0 to {self.worst_crf:g}" if self.crf else "none"
            raise InputError("crf", f"{crf:g}", f"{allowed} for {self.encoder}")
        if self.crf is None:
            return dict(self.options)
        if crf == 0 and self.lossless:
            return {**self.options, **self.lossless}
        worst, best = self.crf
        factor = round(worst + (best - worst) * quality / 100) if crf is None else crf
        return {**self.options, "crf": f"{factor:g}"}


_MP4 = ("mp4", ".mp4", "aac", frozenset({"aac LC"}))  # all else that fits into MP4 is silent somewhere
_WEBM = ("webm", ".webm", "libopus", frozenset({"opus", "vorbis"}))
_MOV = ("mov", ".mov", "pcm_s16le", frozenset({"aac", "pcm_s16le", "pcm_s24le", "alac"}))
_ANY = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"})
_MKV = ("matroska", ".mkv", "aac", _ANY | {"vorbis"})
_LOSSLESS_MP4 = ("mp4", ".mp4", "flac", _ANY)

CONTAINERS: Mapping[str, tuple[str, str, str, frozenset[str]]] = {
    "mp4": _MP4,
    "mov": (*_MOV[:2], *_MP4[2:]),
    "mkv": _MKV,
    "webm": _WEBM,
}
"""What :meth:`Codec.in_container` knows, with FFmpeg's name, the suffix, the encoder of sound and what is copied."""

_DEEP = "yuv420p10le"

# Quality 75 is visually clean: CRF 18 for H.264, 21 for H.265, 25 for VP9 and AV1.
CODECS: Mapping[str, Codec] = {
    "h264": Codec("libx264", "yuv420p", *_MP4, crf=(38, 12), worst_crf=51, deep=_DEEP, also=("mov", "mkv")),
    "h265": Codec(
        "libx265",
        "yuv420p",
        *_MP4,
        crf=(42, 14),
        options={"x265-params": "log-level=none"},
        tag="hvc1",
        worst_crf=51,
        deep=_DEEP,
        also=("mov", "mkv"),
    ),
    "av1": Codec(
        "libsvtav1",
        "yuv420p",
        *_MP4,
        crf=(55, 15),
        options={"preset": "8"},
        worst_crf=63,
        lossless={"svtav1-params": "lossless=1"},
        deep=_DEEP,
        also=("mkv", "webm"),
    ),
    "vp9": Codec(
        "libvpx-vp9",
        "yuv420p",
        *_WEBM,
        crf=(55, 15),
        options={"b": "0", "row-mt": "1", "cpu-used": "4"},
        worst_crf=63,
        deep=_DEEP,
        also=("mp4", "mkv"),
    ),
    "prores": Codec("prores_ks", "yuv422p10le", *_MOV, options={"profile": "3", "vendor": "apl0"}),
    # Browsers play what is faster than 50 frames per second at 10.
    "gif": Codec("gif", "pal8", "gif", ".gif", "", frozenset(), fastest=50),
    "png sequence": Codec("png", "rgb24", "image2", "", "", frozenset()),
    # Slower presets take 2 to 5 times the time, also to read, for a tenth of the size.
    "lossless": Codec("libx264rgb", "rgb24", *_LOSSLESS_MP4, options={"qp": "0", "preset": "ultrafast"}),
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
