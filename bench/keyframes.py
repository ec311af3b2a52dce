"""Adaptive against even keyframes on real clips: what RIFE rebuilds of the frames between, against the true ones."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from safetensors.torch import load_file

from nodes.accelerator import Accelerator
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


def measure() -> dict[str, dict[str, object]]:
    """PSNR and SSIM gained by adaptive plans of as many keyframes, the mean over clips, rates and spacings."""
    weights = load_file(ASSETS / "models/frame_interpolation/rife_v4.26.safetensors")
    interpolator = NetInterpolator(load_rife(weights, "rife"), Accelerator())
    gains = []
    for frames, even, chosen in _plans():
        before, after = (_rebuilt(frames, plan, interpolator) for plan in (even, chosen))
        gains.append(np.subtract(after, before))
    psnr, ssim = np.mean(gains, axis=0)
    return {
        "keyframes.adaptive_gain_db": _result(float(psnr), "dB", 0.5),
        "keyframes.adaptive_gain_ssim": _result(float(ssim), "", 0.0),
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
