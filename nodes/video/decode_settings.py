"""What the inputs of a node that loads clips mean."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

from ..errors import InputError
from .decode import DecodeSettings
from .geometry import Fit
from .rates import usual_rate

LONGER_SIDES = ("384", "512", "640", "768", "1024", "1280", "1920")
SIZES = ("source", *LONGER_SIDES, "custom")
MULTIPLE = 8
"""Stable Diffusion's latent pixel covers 8 x 8 pixels."""


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
