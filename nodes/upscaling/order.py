"""What comes first, upscaling or interpolation? Whichever way they are wired, the cheaper order is taken."""

from __future__ import annotations

from dataclasses import dataclass

from ..interpolation.schedule import frames_to_make
from ..interpolation.stream import InterpolatedStream
from .upscaler import Upscaler


@dataclass(frozen=True)
class Orders:
    """FLOPs of upscaling the keyframes and interpolating large frames, and of the other way round."""

    upscale_first: float
    interpolate_first: float

    @property
    def best(self) -> str:
        """``"upscale first"`` or ``"interpolate first"``."""
        return "upscale first" if self.upscale_first <= self.interpolate_first else "interpolate first"

    def __str__(self) -> str:
        return (
            f"{self.best}: {self.upscale_first / 1e12:,.1f} TFLOP for upscaling before interpolation, "
            f"{self.interpolate_first / 1e12:,.1f} for the other order"
        )


def compare(stream: InterpolatedStream, size: tuple[int, int], upscaler: Upscaler) -> Orders | None:
    """Count the work of both orders.

    Args:
        stream: what is to be interpolated, at whatever size.
        size: width and height of the frames before they are upscaled.
        upscaler: what enlarges them.

    Returns:
        ``None`` if the work of a net cannot be counted.
    """
    to_make = stream.interpolator.flops_per_pixel()
    to_upscale = upscaler.flops_per_pixel() if upscaler.uses_net(*size) else 0.0
    if to_make is None or to_upscale is None:
        return None
    frames, runs = frames_to_make(stream.keyframes, stream.info.frame_rate), stream.net_runs()
    small, large = size[0] * size[1], upscaler.size[0] * upscaler.size[1]
    return Orders(
        upscale_first=stream.source.info.frame_count * to_upscale * small + runs * to_make * large,
        interpolate_first=runs * to_make * small + (frames.made + frames.shown) * to_upscale * small,
    )
