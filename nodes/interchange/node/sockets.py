"""What the nodes of this room have in common."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from comfy_api.latest import io

from ...errors import InputError
from ...video.rates import usual_rate

Keypoints = io.Custom("POSE_KEYPOINT")


def frame_rate_input() -> Any:
    """The rate of poses that come without one."""
    return io.Float.Input(
        "frame_rate",
        default=12.0,
        min=0.001,
        max=240.0,
        step=0.001,
        tooltip="Frames per second. Counts only where they are not told along: ours are, those of other packs are not.",
    )


def given_rate(frame_rate: float) -> Fraction:
    """What that input means, such as 30000/1001 by 29.97.

    Raises:
        InputError: no rate can be like that.
    """
    if not 0 < frame_rate <= 1e6:
        raise InputError("frame_rate", f"{frame_rate:g}", "more than 0 frames/s")
    return usual_rate(frame_rate)
