"""Frames between keyframes with and without a motion, against frames that are drawn at their times."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from itertools import product, repeat

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from bench._between import (
    ASSETS,
    GRID,
    RATE,
    Case,
    Score,
    drawn,
    inked,
    panned,
    posterised,
    random_dance,
    real,
    recorded,
    score,
    styled,
)
from bench._compare import result, seconds_side_by_side
from nodes.accelerator import Accelerator
from nodes.interpolation.guided_stream import GuidedStream, Way
from nodes.interpolation.interpolator import NetInterpolator
from nodes.interpolation.rife import load_rife
from nodes.interpolation.stream import InterpolatedStream
from nodes.video.stream import ArrayStream, Frames, FrameStream

COMMAND = "make bench ONLY=between"


def measure() -> dict[str, dict[str, object]]:
    """What a motion gains where people are or have been, and what it costs."""
    interpolator = _interpolator()
    gains, ours = [], []
    for case in _drawn_cases(every=4):
        guided, plain = _scores(case, interpolator)
        gains.append(guided.psnr - plain.psnr)
        ours.append(guided.ssim)
    wide = [_guided_score(case, interpolator).ssim for case in _drawn_cases(every=6)]
    near = [_plain_score(case, interpolator).ssim for case in _drawn_cases(every=4)]
    real = list(map(_real_gains, repeat(interpolator), _real_cases()))
    pans = [guided.psnr - plain.psnr for guided, plain in (_scores(case, interpolator) for case in _panned_cases())]
    return {
        "between.zone_psnr_gain_db": result(float(np.mean(gains)), "dB", 7.0, COMMAND),
        "between.zone_psnr_gain_db_worst": result(min(gains), "dB", 4.5, COMMAND),
        "between.zone_ssim": result(float(np.mean(ours)), "", 0.90, COMMAND),
        "between.zone_ssim_worst": result(min(ours), "", 0.85, COMMAND),
        "between.every6_over_rife4": result(float(np.mean(wide) - np.mean(near)), "", 0.03, COMMAND),
        "between.pan_psnr_gain_db_worst": result(float(min(pans)), "dB", 5.0, COMMAND),
        "between.real_ssim_gain": result(float(np.mean([gain for gain, _ in real])), "", 0.07, COMMAND),
        "between.real_ssim_gain_worst": result(min(gain for gain, _ in real), "", 0.0, COMMAND),
        "between.real_ssim_gain_without_guide": result(min(gain for _, gain in real), "", -0.005, COMMAND),
        "between.seconds_ratio": result(_seconds_ratio(interpolator), "x", 1.6, COMMAND, better="lower"),
    }


def _interpolator() -> NetInterpolator:
    net = load_rife(load_file(ASSETS / "models/frame_interpolation/rife_v4.26.safetensors"), "rife")
    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"):
        net = copy.deepcopy(net).to(torch.bfloat16)
    return NetInterpolator(net.to(memory_format=torch.channels_last), Accelerator())  # type: ignore[call-overload]


def _drawn_cases(every: int) -> Iterator[Case]:
    """Recorded, random and styled motion, each as another figure before another background."""
    yield drawn("recorded, one", recorded("one_person"), 0, 0, every)
    yield drawn("recorded, two", recorded("two_people"), 1, 3, every)
    for seed, (figure, backdrop) in enumerate(((2, 1), (3, 4), (4, 5), (5, 2)), start=20):
        yield drawn(f"random {seed}", random_dance(seed), figure, backdrop, every)
    for preset in ("energetic", "bouncy", "robotic"):
        yield drawn(preset, styled(recorded("one_person"), preset), 3, 1, every)


def _panned_cases() -> Iterator[Case]:
    yield panned("pan", recorded("one_person"), 0, 3)
    yield panned("pan over towers", random_dance(27), 5, 1)


def _real_cases() -> Iterator[Case]:
    """Both shipped clips, each through two filters."""
    for name, look in product(("one_person", "two_people"), (posterised, inked)):
        yield real(name, look)


def _real_gains(interpolator: NetInterpolator, case: Case) -> tuple[float, float]:
    """What likeness the gate gains where it has the guide too, and where it has not."""
    told: list[str] = []
    plain = _plain_score(case, interpolator).ssim
    with_guide, without = (
        score(case, _read(_guided(case, interpolator, "best", told.append, guide))).ssim for guide in (case.guide, None)
    )
    print(f"{case.name}: {with_guide:.3f}, without guide {without:.3f}; RIFE {plain:.3f}; {told}", file=sys.stderr)
    return with_guide - plain, without - plain


def _scores(case: Case, interpolator: NetInterpolator) -> tuple[Score, Score]:
    guided, plain = _guided_score(case, interpolator), _plain_score(case, interpolator)
    print(
        f"{case.name}: {guided.psnr:.1f} dB, {guided.ssim:.3f}; RIFE {plain.psnr:.1f} dB, {plain.ssim:.3f}",
        file=sys.stderr,
    )
    return guided, plain


def _guided_score(case: Case, interpolator: NetInterpolator) -> Score:
    return score(case, _read(_guided(case, interpolator)))


def _plain_score(case: Case, interpolator: NetInterpolator) -> Score:
    return score(case, _read(InterpolatedStream(ArrayStream(case.pictures, GRID), case.plan, case.rate, interpolator)))


def _guided(
    case: Case,
    interpolator: NetInterpolator,
    way: Way = "motion",
    told: Callable[[str], None] = lambda _: None,
    guide: FrameStream | None = None,
) -> GuidedStream:
    source = ArrayStream(case.pictures, GRID)
    return GuidedStream(source, case.plan, case.rate, interpolator, case.motion, None, way, told, guide)


def _read(stream: InterpolatedStream) -> Frames:
    return np.concatenate(list(stream.chunks()))


def _seconds_ratio(interpolator: NetInterpolator) -> float:
    """On one core, of 512 x 512 pictures with a background that stands still."""
    case = drawn("speed", random_dance(20), 0, 0, size=(512, 512))
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        plain = InterpolatedStream(ArrayStream(case.pictures, GRID), case.plan, RATE, interpolator)
        seconds = seconds_side_by_side(
            {"guided": lambda: _read(_guided(case, interpolator)), "plain": lambda: _read(plain)}, rounds=1
        )
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    return seconds["guided"] / seconds["plain"]
