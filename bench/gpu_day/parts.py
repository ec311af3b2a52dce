"""What is measured, the most wanted first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of the day.

    Attributes:
        name: of its module in this folder, whose ``measure(setting)`` yields measurements.
        title: on the page of results.
        share: of the day's seconds. What a part leaves goes to those behind it.
    """

    name: str
    title: str
    share: float


PARTS = (
    Part("precision", "Half precision against fp32 on the CPU", 0.13),
    Part("micro_batches", "Several clips in one batch", 0.14),
    Part("ten_seconds", "An edit of 10 seconds", 0.27),
    Part("finishing", "More frames and more pixels, beside ComfyUI's own nodes", 0.13),
    Part("video_model", "Wan VACE 1.3B", 0.14),
    Part("working_ahead", "Working ahead", 0.09),
    Part("idle_unload", "Letting go of an idle card", 0.075),
    Part("speeds", "Speeds that Cost Estimate takes for this card", 0.025),
)
