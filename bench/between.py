"""Frames between keyframes with and without a motion, against frames that are drawn at their times."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from itertools import product

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
    edited,
    flow_warp_error,
    inked,
    panned,
    posterised,
    random_dance,
    real,
    recorded,
    score,
    styled,
    with_joints_off,
)
from bench._compare import result, seconds_side_by_side
from bench._dense_edit import dense_edits
from bench._joints import correct_share, locator
from nodes.accelerator import Accelerator, cpu_has_bfloat16
from nodes.interpolation.guided_stream import GuidedStream, Way
from nodes.interpolation.interpolator import NetInterpolator
from nodes.interpolation.rife import load_rife
from nodes.interpolation.stream import InterpolatedStream
from nodes.video.stream import ArrayStream, Frames, FrameStream

COMMAND = "make bench ONLY=between"


FLOORS = {
    "zone_psnr_gain_db": 7.0,
    "zone_psnr_gain_db_worst": 4.5,
    "zone_ssim": 0.90,
    "zone_ssim_worst": 0.85,
    "pck_gain": 0.03,
    "demo_ssim_gain_robot": 0.09,
    "demo_ssim_gain_mannequin": 0.04,
    "every6_over_rife4": 0.03,
    "pan_psnr_gain_db_worst": 5.0,
    "real_ssim_gain": 0.07,
    "real_ssim_gain_worst": 0.0,
    "real_ssim_gain_without_guide": -0.005,
}
CEILINGS = {
    "joints_off_by_2_percent_db": 1.0,
    "joints_off_by_3_percent_db": 3.0,
    "flow_warp_error_over_rife": 1.0,
    "seconds_ratio": 1.6,
}
EDITS = {"robot": "a neon robot at night", "mannequin": "a wooden mannequin in the snow"}


def measure() -> dict[str, dict[str, object]]:
    """What a motion gains where people are or have been, and what it costs."""
    net = _interpolator()
    found = {**_drawn_figures(net), **_demo_figures(net), **_real_figures(net)}
    found["every6_over_rife4"] = min(found.pop(f"every6_over_rife4_{name}") for name in ("drawn", *EDITS))
    found["seconds_ratio"] = _seconds_ratio(net)
    floors = {f"between.{name}": result(found[name], "", floor, COMMAND) for name, floor in FLOORS.items()}
    tops = {f"between.{name}": result(found[name], "", top, COMMAND, better="lower") for name, top in CEILINGS.items()}
    return floors | tops


def _drawn_figures(net: NetInterpolator) -> dict[str, float]:
    """Of figures that were drawn: every frame is known."""
    finder, gains, likeness, pck, near = locator(), [], [], [], []
    for case in _drawn_cases(every=4):
        frames = _read(_guided(case, net)), _read(_plain(case, net))
        guided, plain = (score(case, made) for made in frames)
        _say(case.name, guided, plain)
        gains.append(guided.psnr - plain.psnr)
        likeness.append(guided.ssim)
        near.append(plain.ssim)
        pck.append([correct_share(finder, case, made) for made in frames])
    wide = [_guided_score(case, net).ssim for case in _drawn_cases(every=6)]
    pans = [guided.psnr - plain.psnr for guided, plain in (_scores(case, net) for case in _panned_cases())]
    print(f"correct joints, guided and RIFE: {np.mean(pck, axis=0).round(3)}", file=sys.stderr)
    return {
        "zone_psnr_gain_db": float(np.mean(gains)),
        "zone_psnr_gain_db_worst": min(gains),
        "zone_ssim": float(np.mean(likeness)),
        "zone_ssim_worst": min(likeness),
        "pck_gain": float(np.mean([guided - plain for guided, plain in pck])),
        "every6_over_rife4_drawn": float(np.mean(wide) - np.mean(near)),
        "pan_psnr_gain_db_worst": min(pans),
        **{f"joints_off_by_{percent}_percent_db": _lost(net, percent / 100) for percent in (2, 3)},
    }


def _lost(net: NetInterpolator, share: float) -> float:
    """What is lost where joints are found beside where they are, in dB."""
    cases = [drawn("random", random_dance(21), 3, 4), drawn("recorded", recorded("one_person"), 0, 0)]
    lost = [_guided_score(case, net).psnr - _guided_score(with_joints_off(case, share), net).psnr for case in cases]
    return float(np.mean(lost))


def _demo_figures(net: NetInterpolator) -> dict[str, float]:
    """Of the demo's model, which has sampled every frame of the grid."""
    found, errors = {}, []
    for name, edit in zip(EDITS, dense_edits(list(EDITS.values())), strict=True):
        near, wide = edited(f"demo {name}", edit), edited(f"demo {name}, every 6th", edit, every=6)
        frames = _read(_guided(near, net)), _read(_plain(near, net))
        guided, plain = (score(near, made) for made in frames)
        _say(near.name, guided, plain)
        found[f"demo_ssim_gain_{name}"] = guided.ssim - plain.ssim
        found[f"every6_over_rife4_{name}"] = _guided_score(wide, net).ssim - plain.ssim
        warped = [flow_warp_error(near, made) for made in (*frames, near.truth)]
        print(f"{near.name}: flow-warp error, guided, RIFE, all sampled: {np.round(warped, 2)}", file=sys.stderr)
        errors.append(warped[0] / warped[1])
    return {**found, "flow_warp_error_over_rife": max(errors)}


def _real_figures(net: NetInterpolator) -> dict[str, float]:
    """Of real clips that went through a filter."""
    gains = [_real_gains(net, case) for case in _real_cases()]
    return {
        "real_ssim_gain": float(np.mean([gain for gain, _ in gains])),
        "real_ssim_gain_worst": min(gain for gain, _ in gains),
        "real_ssim_gain_without_guide": min(gain for _, gain in gains),
    }


def _interpolator() -> NetInterpolator:
    net = load_rife(load_file(ASSETS / "models/frame_interpolation/rife_v4.26.safetensors"), "rife")
    if cpu_has_bfloat16():
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
    _say(case.name, guided, plain)
    return guided, plain


def _say(name: str, guided: Score, plain: Score) -> None:
    print(
        f"{name}: {guided.psnr:.1f} dB, {guided.ssim:.3f}; RIFE {plain.psnr:.1f} dB, {plain.ssim:.3f}", file=sys.stderr
    )


def _guided_score(case: Case, interpolator: NetInterpolator) -> Score:
    return score(case, _read(_guided(case, interpolator)))


def _plain_score(case: Case, interpolator: NetInterpolator) -> Score:
    return score(case, _read(_plain(case, interpolator)))


def _plain(case: Case, interpolator: NetInterpolator) -> InterpolatedStream:
    return InterpolatedStream(ArrayStream(case.pictures, GRID), case.plan, case.rate, interpolator)


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
            {"guided": lambda: _read(_guided(case, interpolator)), "plain": lambda: _read(plain)}, rounds=3
        )
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    return seconds["guided"] / seconds["plain"]
