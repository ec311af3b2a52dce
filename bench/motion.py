"""Smooth Motion on motions of known truth, beside the filters that people tune by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from bench._synthetic import synthetic_motions
from nodes.motion.cleaning.repair import repair
from nodes.motion.cleaning.smooth import smooth
from nodes.motion.editing.style import preset, style
from nodes.motion.motion import Motion
from nodes.motion.report.quality import measure as measure_quality

ROOT = Path(__file__).resolve().parent.parent
REAL_MOTION = ROOT / "training/real_motion.npz"
RATE = Fraction(25)
SEEDS = range(6)
STRENGTH = 0.5  # the node's default
COMMAND = "make bench ONLY=motion"
DETECTOR_NOISE = 0.0025  # for the recorded takes, which are clean: about 0.5 % of these bodies
CUT = 0.02  # frame heights that a whole body moves only where another camera begins


def measure() -> dict[str, dict[str, object]]:
    """Error to the truth, jitter of real takes, and the time for ten minutes of two people on one core."""
    synthetic = synthetic_motions()
    reduction, advantage = _against_truth(synthetic)
    jitter, bones = _real_takes(synthetic)
    return {
        "motion.rmse_reduction": _result(100 * reduction, "%", 60, "higher"),
        "motion.vs_best_tuned_filter": _result(advantage, "x", 1, "higher"),
        "motion.jitter_reduction": _result(100 * jitter, "%", 70, "higher"),
        "motion.bone_variation_reduction": _result(100 * bones, "%", 50, "higher"),
        "motion.ten_minutes_s": _result(_ten_minutes(synthetic), "s", 3, "lower"),
    }


def _result(value: float, unit: str, goal: float, better: str) -> dict[str, object]:
    return {"value": value, "unit": unit, "goal": goal, "better": better, "command": COMMAND}


def steadied(motion: Motion) -> Motion:
    """What the node does as it comes."""
    repaired = repair(motion).motion
    return repaired.with_keypoints(smooth(repaired.keypoints, motion.frame_rate, STRENGTH))


def _against_truth(synthetic: ModuleType) -> tuple[float, float]:
    """Share of the raw error that is gone, and how many times the error the best tuned filter leaves.

    The filters get the same damaged motions with gaps interpolated, once as they are and once with our repair; their
    settings are those that are best on the truth, which no user knows.
    """
    truths = [synthetic.dance(20, RATE, 2, seed) for seed in SEEDS]
    damaged = [synthetic.damaged(truth, seed=100 + seed) for seed, truth in zip(SEEDS, truths, strict=True)]
    repaired = [repair(motion).motion for motion in damaged]

    def left(motions: list[Motion]) -> float:
        errors = [synthetic.error(motion, truth) for motion, truth in zip(motions, truths, strict=True)]
        return float(np.sqrt(np.mean(np.square(errors))))

    ours = left([steadied(motion) for motion in damaged])
    best = min(
        left([_filtered(motion, tuned) for motion in motions])
        for motions in (damaged, repaired)
        for tuned in _tuned_filters()
    )
    return 1 - ours / left(damaged), best / ours


def _tuned_filters() -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Filters of ``(frames, series)``: exponential and moving averages and One-Euro, at every sensible setting."""
    for share in np.linspace(0.2, 1, 17):
        yield partial(_exponential, share=share)
    for window in range(1, 12, 2):
        yield partial(uniform_filter1d, size=window, axis=0, mode="nearest")
    for cutoff in (0.5, 1, 2, 4, 8):
        for beta in (0, 1, 3, 10, 30, 100):
            yield partial(_one_euro, min_cutoff=cutoff, beta=beta)


def _exponential(x: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(lfilter([share], [1, share - 1], x - x[0], axis=0) + x[0])


def _one_euro(x: np.ndarray, min_cutoff: float, beta: float, rate: float = float(RATE)) -> np.ndarray:
    """Casiez, Roussel and Vogel, CHI 2012, as their pseudocode has it."""

    def share(cutoff: np.ndarray | float) -> np.ndarray | float:
        return 1 / (1 + rate / (2 * np.pi * cutoff))

    result, speed = x.copy(), np.zeros_like(x[0])
    for i in range(1, len(x)):
        speed = speed + share(1.0) * ((x[i] - result[i - 1]) * rate - speed)
        result[i] = result[i - 1] + share(min_cutoff + beta * np.abs(speed)) * (x[i] - result[i - 1])
    return result


def _filtered(motion: Motion, one: Callable[[np.ndarray], np.ndarray]) -> Motion:
    keypoints = np.array(motion.keypoints)
    frames = np.arange(motion.frame_count)
    for person, joint in np.argwhere((keypoints[..., 2] > 0).any(axis=0)):
        there = keypoints[:, person, joint, 2] > 0
        for axis in (0, 1):
            line = keypoints[:, person, joint, axis]
            keypoints[:, person, joint, axis] = np.interp(frames, frames[there], line[there])
        keypoints[~there, person, joint, 2] = 0.5
    series = keypoints[..., :2].reshape(len(frames), -1).astype(np.float64)
    keypoints[..., :2] = one(series).reshape(keypoints[..., :2].shape)
    return motion.with_keypoints(keypoints)


def _real_takes(synthetic: ModuleType) -> tuple[float, float]:
    """Share of the jitter and of the bones' variation that is gone, the mean over all recorded shots."""
    shares = []
    for motion in _shots():
        raw = synthetic.damaged(motion, synthetic.Damage(DETECTOR_NOISE, dropouts=0, outliers=0, swaps=0))
        before, after = measure_quality(raw).whole, measure_quality(steadied(raw)).whole
        assert before.jitter and after.jitter is not None
        assert before.bone_length_variation and after.bone_length_variation is not None
        shares.append(
            (1 - after.jitter / before.jitter, 1 - after.bone_length_variation / before.bone_length_variation)
        )
    jitter, bones = np.mean(shares, axis=0)
    return float(jitter), float(bones)


def _shots() -> Iterator[Motion]:
    """The recorded takes, cut where another camera begins."""
    with np.load(REAL_MOTION) as takes:
        for poses in (takes[name].astype(np.float32) for name in takes.files):
            moved = np.abs(np.diff(poses, axis=0)).mean(axis=(1, 2))
            for shot in np.split(poses, np.flatnonzero(moved > CUT) + 1):
                if len(shot) >= 40:
                    keypoints = np.concatenate((shot, np.full((*shot.shape[:2], 1), 0.9, np.float32)), axis=2)
                    yield Motion(keypoints[:, None], Fraction(60), 1000, 1000)


def _ten_minutes(synthetic: ModuleType) -> float:
    """Seconds of one core to repair, smooth and style two people at 30 frames per second; the median of three."""
    motion = synthetic.damaged(synthetic.dance(600, Fraction(30), 2))
    seconds = []
    for _ in range(3):
        start = time.process_time()  # of all threads: a second core would not help
        style(steadied(motion), preset("energetic"))
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))
