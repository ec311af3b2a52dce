"""How long work takes: by what earlier runs took, else by the data sheet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..economy.prices import Card

NEAREST = 5
"""Measurements whose median counts: odd, so that it is one of them, and robust against two strays."""

UTILISATION = {"encode": 0.25, "sample": 0.4, "decode": 0.25, "interpolate": 0.12, "upscale": 0.3}
"""Share of a card's tensor FLOPS that a stage reaches, until a run has been measured.

For sampling: SD 1.5 at 512 px on an RTX 4090, as users of a web interface published it, makes 5.5 steps per second with
8 images and CFG, which is 70 TFLOPS of 165. The others are guesses by how much of a net is no matrix product. Expect a
factor of 2, more on the largest cards, which small pictures do not fill.
"""

_TYPICAL = 0.25
"""The same of a stage that has none there."""

_LIKE = {"encode": "sample", "decode": "sample"}
"""The sampler encodes and decodes: where only the whole was measured, it stands for its parts."""


@dataclass(frozen=True)
class Measured:
    """A stage of an earlier run.

    Attributes:
        stage: of ``edit_work.GPU_STAGES`` or ``edit_work.CPU_STAGES``.
        device: as the driver names it, or ``"cpu"``.
        flops: that it took; 0 for stages whose work is frames alone.
        frames: that went through it.
        seconds: that it took.
    """

    stage: str
    device: str
    flops: float
    frames: int
    seconds: float


@dataclass(frozen=True)
class Throughput:
    """What is known of a machine.

    Attributes:
        measured: on the device that counts, and on its CPU.
        card: its entry in the price table.
        halves: whether it computes in half precision, so that fp32 takes twice as long.
    """

    measured: tuple[Measured, ...] = ()
    card: Card | None = None
    halves: bool = True

    def seconds(self, stage: str, flops: float | None, frames: int) -> float | None:
        """Seconds of a stage; ``None`` if nothing is known of it."""
        if frames == 0 or flops == 0:
            return 0.0
        if flops is None:
            return self._by_frames(stage, frames)
        found = [one for one in self.measured if one.stage == stage and one.flops > 0]
        found = found or [one for one in self.measured if one.stage == _LIKE.get(stage) and one.flops > 0]
        if found:
            nearest = sorted(found, key=lambda one: _distance(one, flops, frames))[:NEAREST]
            return flops / statistics.median(one.flops / one.seconds for one in nearest)
        if self.card is None:
            return None
        return flops / (self.card.tflops * 1e12 * UTILISATION.get(stage, _TYPICAL))

    def cpu_seconds(self, stage: str, frames: int) -> float | None:
        """Seconds of a stage on the CPU; ``None`` before the first run."""
        return self._by_frames(stage, frames)

    def _by_frames(self, stage: str, frames: int) -> float | None:
        found = [one for one in self.measured if one.stage == stage]
        nearest = sorted(found, key=lambda one: abs(math.log(one.frames / max(frames, 1))))[:NEAREST]
        return frames * statistics.median(one.seconds / one.frames for one in nearest) if nearest else None

    def is_measured(self, stage: str) -> bool:
        """Whether its seconds come from runs rather than from the table."""
        return any(one.stage in (stage, _LIKE.get(stage)) for one in self.measured)


def calibrated(measured: Sequence[Measured], device: str, card: Card | None = None, halves: bool = True) -> Throughput:
    """What earlier runs say of a device.

    Args:
        measured: of any device; what cannot be right is left out.
        device: as in ``Measured``; ``""`` for one on which nothing has been run.
        card: its entry in the price table, for stages that have not been measured.
        halves: whether it computes in half precision.
    """
    mine = (one for one in measured if one.device in (device, "cpu") and one.seconds > 0 and one.frames > 0)
    kept = (one for one in mine if math.isfinite(one.seconds) and math.isfinite(one.flops))
    # What the CPU took counts for stages that are always there, and for all if it is the device.
    return Throughput(tuple(one for one in kept if one.device == device or one.flops <= 0), card, halves)


def _distance(one: Measured, flops: float, frames: int) -> float:
    """How far the work of a measurement is from that asked for, in all and per frame (on a log scale)."""
    total = abs(math.log(one.flops / flops))
    return total + abs(math.log((one.flops / one.frames) / (flops / frames)))
