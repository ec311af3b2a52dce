"""Extract Pose against a plain MediaPipe loop on the same frames."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from nodes.pose.landmarks import LandmarkSettings, _open_landmarker, detect_people
from nodes.pose.mediapipe_tasks import to_image
from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings
from nodes.video.stream import ArrayStream, FrameStream

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / ".assets/models/mediapipe/pose_landmarker_full.task"
CLIP = ROOT / ".assets/input/one_person.mp4"
ROUNDS = 5


def measure() -> dict[str, dict[str, object]]:
    """Frames per second of ours, relative to a loop held to one core, and to one left free; the median of rounds."""
    stream = _long_clip()
    held, free = [], []
    for _ in range(ROUNDS):
        ours = _seconds(lambda: detect_people(stream, MODEL, LandmarkSettings()))
        free.append(_seconds(lambda: _plain_loop(stream)) / ours)
        held.append(_seconds(lambda: _on_one_core(lambda: _plain_loop(stream))) / ours)
    command = "make bench ONLY=pose"
    return {
        "pose.vs_plain_loop": _result(float(np.median(held)), 1.7, command),
        "pose.vs_free_loop": _result(float(np.median(free)), 1.0, command),
    }


def _result(value: float, goal: float, command: str) -> dict[str, object]:
    return {"value": value, "unit": "x", "goal": goal, "better": "higher", "command": command}


def _long_clip() -> FrameStream:
    """The clip back and forth, 600 frames at 288 x 512, decoded beforehand: only landmarks are timed."""
    frames = np.concatenate(list(FileStream(CLIP, DecodeSettings(size=(288, 512))).chunks()))
    return ArrayStream(np.concatenate([frames, frames[::-1]] * 3), Fraction(60))


def _plain_loop(stream: FrameStream) -> None:
    """What everybody writes."""
    with _open_landmarker(MODEL, LandmarkSettings()) as landmarker:
        index = 0
        for chunk in stream.chunks():
            for frame in chunk:
                landmarker.detect_for_video(to_image(frame), index * 1000 // 60)
                index += 1


def _on_one_core(work: Callable[[], None]) -> None:
    cores = os.sched_getaffinity(0)  # Linux only, as are the machines that benchmarks are compared on
    os.sched_setaffinity(0, {min(cores)})
    try:
        work()
    finally:
        os.sched_setaffinity(0, cores)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
