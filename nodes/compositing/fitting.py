"""Do clips belong together? Asked before any frame is read."""

from __future__ import annotations

from fractions import Fraction

from ..errors import InputError
from ..video.geometry import is_same_shape
from ..video.stream import FrameStream
from .crop import Size

_ENDS_EARLIER = Fraction(1, 4)  # seconds by which one clip may be shorter than another: rates and sound are rounded


def check_shape(name: str, stream: FrameStream, size: Size) -> None:
    """Refuse another aspect ratio; a few pixels are rounding.

    Raises:
        InputError: names the input.
    """
    width, height = stream.info.width, stream.info.height
    if not is_same_shape((width, height), size):
        allowed = f"the shape of {size[0]}x{size[1]}, at any size"
        raise InputError(name, f"{width}x{height}", allowed, "Connect the one that belongs to it.")


def check_lasts(name: str, stream: FrameStream, duration: Fraction, like: str) -> None:
    """Refuse what ends before the clip that it goes with, whose name is ``like``.

    Raises:
        InputError: names the input.
    """
    if stream.info.duration < duration - _ENDS_EARLIER:
        found, allowed = f"{float(stream.info.duration):.2f} s", f"{float(duration):.2f} s, as {like}"
        raise InputError(name, found, allowed, "Take the same start and duration as for the clip that is edited.")
