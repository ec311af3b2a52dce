"""What planning will take, and what it will give."""

from __future__ import annotations

from dataclasses import replace

from ..forecast.facts import Clips, DeviceWork, Forecast
from ..forecast.inputs import Inputs
from .uniform import every_nth


def plan_keyframes(inputs: Inputs) -> Forecast:
    """As many keyframes as every Nth frame: an adaptive plan has as many; cuts that may be found add some."""
    every = int(inputs.value("every", 4))
    grid = inputs.fact("video", Clips) or inputs.fact("motion", Clips)
    if grid is None:
        return Forecast()
    clips = [
        replace(clip, plan=inputs.keyframes or every_nth(clip.plan.frame_count, clip.plan.frame_rate, every))
        for clip in grid.clips
    ]
    return Forecast((Clips(tuple(clips)),), (DeviceWork("plan", "cpu", grid.grid),))
