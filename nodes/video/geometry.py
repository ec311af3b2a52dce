"""Where the pixels of a decoded picture go: upright, square, scaled, cropped or padded."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, Literal, get_args

import av

from ..errors import InputError
from .older_pyav import side_data_of

Fit = Literal["keep", "contain", "cover", "stretch"]
FITS: tuple[str, ...] = get_args(Fit)


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is made upright: FFmpeg filters, and what they amount to."""

    degrees: int
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self.degrees % 180 != 0


UPRIGHT = Orientation(0)
# By the signs of a, b, c, d of the display matrix, which takes x, y to ax + cy, bx + dy (ISO 14496-12, 6.2.2).
_ORIENTATIONS = {
    (1, 0, 0, 1): UPRIGHT,
    (0, 1, -1, 0): Orientation(90, (("transpose", "clock"),)),
    (-1, 0, 0, -1): Orientation(180, (("hflip", ""), ("vflip", ""))),
    (0, -1, 1, 0): Orientation(270, (("transpose", "cclock"),)),
    (-1, 0, 0, 1): Orientation(0, (("hflip", ""),)),
    (1, 0, 0, -1): Orientation(0, (("vflip", ""),)),
    (0, 1, 1, 0): Orientation(90, (("transpose", "cclock_flip"),)),
    (0, -1, -1, 0): Orientation(270, (("transpose", "clock_flip"),)),
}


_TURNS = dict(zip((0, 90, 180, 270), _ORIENTATIONS.values(), strict=False))
# By the number in EXIF, in the order of the matrices that mean the same.
_EXIF = dict(zip((1, 6, 3, 8, 2, 4, 5, 7), _ORIENTATIONS.values(), strict=True))


def exif_orientation(number: int) -> Orientation:
    """What an orientation in EXIF (1 to 8; 0x0112) asks for; upright for any other number."""
    return _EXIF.get(number, UPRIGHT)


def side_data(frame: av.VideoFrame) -> list[Any] | None:
    """What FFmpeg tells of a frame besides; ``None`` if PyAV cannot name some of it (EXIF, spatial video)."""
    try:
        return side_data_of(frame)
    except ValueError:
        return None


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that a frame's display matrix asks for, to the nearest quarter turn."""
    sides = side_data(frame)
    if sides is None:
        return _TURNS[round(-frame.rotation / 90) * 90 % 360]
    data = next((side for side in sides if side.type.name == "DISPLAYMATRIX"), None)
    if data is None:
        return UPRIGHT
    a, b, _, c, d = struct.unpack("=9i", bytes(data)[:36])[:5]
    longest = max(map(abs, (a, b, c, d))) or 1
    signs = (round(a / longest), round(b / longest), round(c / longest), round(d / longest))
    return _ORIENTATIONS.get(signs, UPRIGHT)


_ROUNDING = 0.03  # of an aspect ratio


@dataclass(frozen=True)
class Placement:
    """The upright picture is scaled to ``scaled``, then cropped or padded around its centre to ``output``."""

    scaled: tuple[int, int]
    output: tuple[int, int]

    @property
    def corner(self) -> tuple[int, int]:
        """Where the output's corner lies in the scaled picture; below 0 where bars are added."""
        left, top = ((side - out) // 2 for side, out in zip(self.scaled, self.output, strict=True))
        return left, top


@dataclass(frozen=True)
class Region:
    """What a frame shows of the upright picture that it was made of.

    Attributes:
        source: fingerprint of the file; empty if unknown. Positions in frames of one source can be converted.
        left, top: where the frame's corner lies, in fractions of the source; below 0 where bars were added.
        width, height: of the frame, likewise; above 1 where bars were added.
    """

    source: str = ""
    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def __post_init__(self) -> None:
        box = (self.left, self.top, self.width, self.height)
        if not all(map(math.isfinite, box)) or min(self.width, self.height) <= 0:
            raise ValueError(f"region: found {box}; allowed: finite numbers, width and height above 0")


WHOLE = Region()
"""All of an unknown source."""


def region_of(placement: Placement, source: str = "") -> Region:
    """The part of the source that a placement shows."""
    (width, height), (left, top), output = placement.scaled, placement.corner, placement.output
    return Region(source, left / width, top / height, output[0] / width, output[1] / height)


def place(width: int, height: int, size: tuple[int, int] | None, fit: Fit, multiple: int = 1) -> Placement:
    """Lay out a ``width`` x ``height`` picture.

    Args:
        size: width and height wanted; ``None`` keeps the picture's own.
        fit: ``keep`` shows the whole picture without bars, its longer side as long as the longer side of ``size``;
            ``contain`` pads to exactly ``size``, ``cover`` crops to it, ``stretch`` ignores the aspect ratio.
        multiple: both sides of the output are rounded to it, at most half a multiple of distortion in ``keep``.

    Raises:
        InputError: an unknown ``fit``, or a side below 1 pixel.
    """
    if fit not in FITS:
        raise InputError("fit", repr(fit), ", ".join(FITS))
    if size is None:
        fit, size = "keep", (width, height)
    if min(size) < 1:
        raise InputError("size", f"{size[0]} x {size[1]}", "1 pixel or more on each side")
    if fit == "keep":
        factor = max(size) / max(width, height)
        output = _round(width * factor, multiple), _round(height * factor, multiple)
        return Placement(output, output)
    output = _round(size[0], multiple), _round(size[1], multiple)
    if fit == "stretch":
        return Placement(output, output)
    ratios = output[0] / width, output[1] / height
    factor = min(ratios) if fit == "contain" else max(ratios)
    limit = min if fit == "contain" else max
    scaled = tuple(limit(max(round(side * factor), 1), out) for side, out in zip((width, height), output, strict=True))
    return Placement((scaled[0], scaled[1]), output)


def is_same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two widths and heights have one aspect ratio, but for what sides are rounded by."""
    return abs(size[0] / size[1] * other[1] / other[0] - 1) <= _ROUNDING


def _round(side: float, multiple: int) -> int:
    return max(math.floor(side / multiple + 0.5), 1) * multiple
