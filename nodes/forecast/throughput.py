"""How long work takes: by what earlier runs took, else by what the card took elsewhere, else by its data sheet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

from ..economy.prices import Card

Source: TypeAlias = Literal["table", "measured", "earlier runs"]
"""Where seconds come from: the data sheet, such a card on another machine, or this machine."""

SURE: tuple[Source, ...] = get_args(Source)
"""The surest last."""

NEAREST = 5
"""Measurements whose median counts: odd, so that it is one of them, and robust against two strays."""

UTILISATION = {
    "encode": 0.25,
    "sample": 0.4,
    "sample video": 0.45,
    "decode": 0.25,
    "interpolate": 0.12,
    "upscale": 0.3,
}
"""Share of a card's tensor FLOPS that a stage reaches, where nothing has been measured.

For sampling: SD 1.5 at 512 px on an RTX 4090, as users of a web interface published it, makes 5.5 steps per second with
8 images and CFG, which is 70 TFLOPS of 165. For videos: Wan VACE 1.3B on an H200, see docs/gpu.md. The others are
guesses by how much of a net is no matrix product. Expect a factor of 2. Where small nets wait for something else than
arithmetic, fast cards reach less: none is taken for faster than the fastest that was measured, see ``card_speeds``.
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
        of_card: measured on another machine with such a card.
        fastest: FLOP/s by stage that no card is taken to exceed by its data sheet alone.
    """

    measured: tuple[Measured, ...] = ()
    card: Card | None = None
    halves: bool = True
    of_card: tuple[Measured, ...] = ()
    fastest: Mapping[str, float] = field(default_factory=dict)

    def seconds(self, stage: str, flops: float | None, frames: int) -> float | None:
        """Seconds of a stage; ``None`` if nothing is known of it."""
        if frames == 0 or flops == 0:
            return 0.0
        for known in (self.measured, self.of_card):
            seconds = _seconds(known, stage, flops, frames)
            if seconds is not None:
                return seconds
        if flops is None or self.card is None:
            return None
        by_data_sheet = self.card.tflops * 1e12 * UTILISATION.get(stage, _TYPICAL)
        return flops / min(by_data_sheet, self.fastest.get(stage, math.inf))

    def cpu_seconds(self, stage: str, frames: int) -> float | None:
        """Seconds of a stage on the CPU; ``None`` before the first run."""
        return _by_frames(self.measured, stage, frames)

    def source(self, stage: str) -> Source:
        """Where its seconds come from."""
        if _has(self.measured, stage):
            return "earlier runs"
        return "measured" if _has(self.of_card, stage) else "table"


def _has(known: Sequence[Measured], stage: str) -> bool:
    return any(one.stage in (stage, _LIKE.get(stage)) for one in known)


def _seconds(known: Sequence[Measured], stage: str, flops: float | None, frames: int) -> float | None:
    return _by_frames(known, stage, frames) if flops is None else _by_flops(known, stage, flops, frames)


def _by_flops(known: Sequence[Measured], stage: str, flops: float, frames: int) -> float | None:
    found = [one for one in known if one.stage == stage and one.flops > 0]
    found = found or [one for one in known if one.stage == _LIKE.get(stage) and one.flops > 0]
    nearest = sorted(found, key=lambda one: _distance(one, flops, frames))[:NEAREST]
    return flops / statistics.median(one.flops / one.seconds for one in nearest) if nearest else None


def _by_frames(known: Sequence[Measured], stage: str, frames: int) -> float | None:
    found = [one for one in known if one.stage == stage]
    nearest = sorted(found, key=lambda one: abs(math.log(one.frames / max(frames, 1))))[:NEAREST]
    return frames * statistics.median(one.seconds / one.frames for one in nearest) if nearest else None


def calibrated(
    measured: Sequence[Measured],
    device: str,
    known: Throughput | None = None,
    halves: bool = True,
) -> Throughput:
    """What earlier runs say of a device.

    Args:
        measured: of any device; what cannot be right is left out.
        device: as in ``Measured``; ``""`` for one on which nothing has been run.
        known: of such a card before any run here, for stages that have not been measured; see
            ``card_speeds.before_any_run``.
        halves: whether it computes in half precision.
    """
    mine = (one for one in measured if one.device in (device, "cpu") and one.seconds > 0 and one.frames > 0)
    kept = (one for one in mine if math.isfinite(one.seconds) and math.isfinite(one.flops))
    # What the CPU took counts for stages that are always there, and for all if it is the device.
    here = tuple(one for one in kept if one.device == device or one.flops <= 0)
    return replace(known or Throughput(), measured=here, halves=halves)


def _distance(one: Measured, flops: float, frames: int) -> float:
    """How far the work of a measurement is from that asked for, in all and per frame (on a log scale)."""
    total = abs(math.log(one.flops / flops))
    return total + abs(math.log((one.flops / one.frames) / (flops / frames)))
