"""What to decode of a clip, and what the inputs of a node that loads clips mean by it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from ..errors import InputError
from .geometry import FITS, Fit
from .rates import usual_rate

LONGER_SIDES = ("384", "512", "640", "768", "1024", "1280", "1920")
SIZES = ("source", *LONGER_SIDES, "custom")
MULTIPLE = 8
"""Stable Diffusion's latent pixel covers 8 x 8 pixels."""


@dataclass(frozen=True)
class DecodeSettings:
    """What to decode of a file, and into what.

    Args:
        start: seconds from the first frame.
        duration: seconds; ``None`` is to the end, and what lies beyond the end is left out.
        frame_rate: frames per second of the result; ``None`` is the source's.
        size: width and height; ``None`` is the source's, upright and with square pixels.
        fit: how the picture fills ``size``, see :func:`.geometry.place`.
        multiple: both sides are rounded to a multiple of this.

    Raises:
        InputError: a value outside its range.
    """

    start: Fraction = Fraction(0)
    duration: Fraction | None = None
    frame_rate: Fraction | None = None
    size: tuple[int, int] | None = None
    fit: Fit = "keep"
    multiple: int = 1

    def __post_init__(self) -> None:
        if self.start < 0:
            raise InputError("start", f"{float(self.start):g} s", "0 s or more")
        if self.duration is not None and self.duration <= 0:
            raise InputError("duration", f"{float(self.duration):g} s", "more than 0 s")
        if self.frame_rate is not None and self.frame_rate <= 0:
            raise InputError("frame_rate", f"{float(self.frame_rate):g} frames/s", "more than 0 frames/s")
        if self.fit not in FITS:
            raise InputError("fit", repr(self.fit), ", ".join(FITS))
        if self.multiple < 1:
            raise InputError("multiple", str(self.multiple), "1 or more")


def decode_settings(
    start: float = 0.0,
    duration: float = 0.0,
    frame_rate: float = 12.0,
    size: str = "512",
    width: int = 512,
    height: int = 512,
    fit: str = "keep",
) -> DecodeSettings:
    """What the inputs of a node that loads clips mean.

    Raises:
        InputError: a value that none of them takes.
    """
    if frame_rate < 0:
        raise InputError("frame_rate", f"{frame_rate:g}", "more than 0 frames/s, or 0 for the video's own")
    return DecodeSettings(
        start=Fraction(repr(start)),
        duration=Fraction(repr(duration)) if duration else None,
        frame_rate=usual_rate(frame_rate) if frame_rate else None,
        size=_wanted_size(size, width, height),
        fit=cast(Fit, fit) if size == "custom" else "keep",
        multiple=MULTIPLE,
    )


def _wanted_size(size: str, width: int, height: int) -> tuple[int, int] | None:
    if size == "source":
        return None
    if size == "custom":
        return width, height
    if size not in LONGER_SIDES:
        raise InputError("size", repr(size), ", ".join(SIZES))
    return int(size), int(size)
