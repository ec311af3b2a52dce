"""Adaptive against even keyframes: what is rebuilt of the frames between, against the true ones.

On real clips by RIFE; on drawn ones by RIFE behind figures that follow the motion, where plans by the motion alone
stand beside plans by what a video of the same motion shows, with somebody else before another background.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file

from bench._between import GRID, Case, drawn, random_dance
from nodes.accelerator import Accelerator
from nodes.interpolation.guided.likeness import structural_similarity
from nodes.interpolation.guided_stream import GuidedStream
from nodes.interpolation.interpolator import NetInterpolator
from nodes.interpolation.rife import load_rife
from nodes.interpolation.stream import InterpolatedStream
from nodes.keyframes.adaptive import adaptive
from nodes.keyframes.appearance import thumbnails
from nodes.keyframes.expected_error import expected_errors
from nodes.keyframes.keyframes import Keyframes
from nodes.keyframes.uniform import every_nth
from nodes.pose.extract import extract_pose
from nodes.pose.landmarks import LandmarkSettings
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.stream import ArrayStream, Frames

ASSETS = Path(__file__).resolve().parent.parent / ".assets"
CLIPS = {"one_person": 1, "two_people": 2}
RATES = (Fraction(12), Fraction(25))
EVERY = (3, 4, 6)
COMMAND = "make bench ONLY=keyframes"
FOLLOWED = (4, 6)
SEEDS = (20, 21, 22, 23)
SMALL = (144, 256)
MARGIN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))


def measure() -> dict[str, dict[str, object]]:
    """PSNR and SSIM gained by adaptive plans of as many keyframes, the mean over clips, rates and spacings."""
    weights = load_file(ASSETS / "models/frame_interpolation/rife_v4.26.safetensors")
    interpolator = NetInterpolator(load_rife(weights, "rife"), Accelerator())
    gains = []
    for frames, even, chosen in _plans():
        before, after = (_rebuilt(frames, plan, interpolator) for plan in (even, chosen))
        gains.append(np.subtract(after, before))
    psnr, ssim = np.mean(gains, axis=0)
    even, by_video, by_motion = np.mean([_followed(*plans, interpolator) for plans in _plans_of_dances()], axis=0)
    over_even, over_video = by_motion - even, by_motion - by_video
    return {
        "keyframes.adaptive_gain_db": _result(float(psnr), "dB", 0.5),
        "keyframes.adaptive_gain_ssim": _result(float(ssim), "", 0.0),
        "keyframes.motion_gain_db": _result(float(over_even[0]), "dB", 0.3),
        "keyframes.motion_gain_ssim": _result(float(over_even[1]), "", 0.0),
        "keyframes.motion_over_video_db": _result(float(over_video[0]), "dB", 0.0),
    }


def _result(value: float, unit: str, goal: float) -> dict[str, object]:
    return {"value": value, "unit": unit, "goal": goal, "better": "higher", "command": COMMAND}


def _plans() -> Iterator[tuple[Frames, Keyframes, Keyframes]]:
    for name, people in CLIPS.items():
        for rate in RATES:
            stream = FileStream(ASSETS / "input" / f"{name}.mp4", DecodeSettings(frame_rate=rate, size=(256, 256)))
            frames = np.concatenate(list(stream.chunks()))
            model = ASSETS / "models/mediapipe/pose_landmarker_full.task"
            motion = extract_pose(ArrayStream(frames, rate), model, LandmarkSettings(people))
            errors = expected_errors(motion, thumbnails(ArrayStream(frames, rate)))
            for every in EVERY:
                even = every_nth(len(frames), rate, every)
                yield frames, even, adaptive(errors, len(frames), rate, len(even.frames))


def _rebuilt(frames: Frames, plan: Keyframes, interpolator: NetInterpolator) -> tuple[float, float]:
    """PSNR and SSIM of the frames that are no keyframes."""
    source = ArrayStream(frames[list(plan.frames)], plan.frame_rate)
    made = np.concatenate(list(InterpolatedStream(source, plan, plan.frame_rate, interpolator).chunks()))
    between = sorted(set(range(plan.frame_count)) - set(plan.frames))
    error = ((made[between].astype(np.float64) - frames[between]) ** 2).mean()
    similar = [cv2.quality.QualitySSIM_compute(made[i], frames[i])[0][:3] for i in between]  # type: ignore[attr-defined]
    return float(10 * np.log10(255**2 / error)), float(np.mean(similar))


def _plans_of_dances() -> Iterator[tuple[Case, tuple[Keyframes, Keyframes, Keyframes]]]:
    """Clips whose every frame of the grid is known, and plans of as many keyframes: even, by a video, by the motion."""
    for place, seed in enumerate(SEEDS):
        dance = random_dance(seed)
        case, source = (drawn(str(seed), dance, look, look, every=1, size=SMALL) for look in (place, place + 1))
        small = thumbnails(ArrayStream(source.pictures, GRID))
        count = case.motion.frame_count
        by_video, by_motion = expected_errors(None, small), expected_errors(case.motion, None)
        for every in FOLLOWED:
            even = every_nth(count, GRID, every)
            chosen = [adaptive(errors, count, GRID, len(even.frames)) for errors in (by_video, by_motion)]
            yield case, (even, chosen[0], chosen[1])


def _followed(case: Case, plans: tuple[Keyframes, ...], interpolator: NetInterpolator) -> list[tuple[float, float]]:
    """By plan, PSNR and SSIM where people are or have been, the mean over the frames between keyframes."""
    scores = []
    for plan in plans:
        source = ArrayStream(case.pictures[list(plan.frames)], GRID)
        stream = GuidedStream(source, plan, GRID, interpolator, case.motion, way="motion")
        made = np.concatenate(list(stream.chunks()))
        found = [
            _likeness(made[frame], case.pictures[frame], np.logical_or.reduce(case.key_masks[[first, frame, last]]))
            for first, last in pairwise(plan.frames)
            for frame in range(first + 1, last)
        ]
        psnr, ssim = np.mean(found, axis=0)
        scores.append((float(psnr), float(ssim)))
    return scores


def _likeness(made: Frames, truth: Frames, people: npt.NDArray[np.bool_]) -> tuple[float, float]:
    zone = cv2.dilate(people.astype(np.uint8), MARGIN) > 0
    squares = ((made.astype(np.float32) - truth) ** 2).mean(axis=-1)[zone].mean()
    return float(10 * np.log10(255**2 / max(squares, 1e-3))), float(structural_similarity(made, truth)[zone].mean())
