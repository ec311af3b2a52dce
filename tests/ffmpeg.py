"""FFmpeg's program as a maker of odd files, and as the one who tells what is in them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast")


def ffmpeg(*arguments: object) -> None:
    """Run it."""
    subprocess.run(["ffmpeg", "-y", "-v", "error", *map(str, arguments)], check=True)


def probed(path: Path, *arguments: str) -> dict[str, Any]:
    """What ffprobe tells, as JSON."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)], capture_output=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def codecs_of(path: Path) -> list[str]:
    """Of each stream."""
    return [stream.get("codec_name", "?") for stream in probed(path, "-show_streams")["streams"]]


def source(kind: str, **options: object) -> tuple[str, ...]:
    """Arguments for an input that a filter makes, e.g. ``source("sine", d=2)``."""
    return "-f", "lavfi", "-i", kind + "=" + ":".join(f"{name}={value}" for name, value in options.items())


def shown_at(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps of all pictures in seconds, and their mean brightness 0..255, in the order of showing."""
    filters = "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-"
    arguments = ["-copyts", "-i", str(path), "-an", "-fps_mode", "passthrough", "-vf", filters, "-f", "null", "-"]
    done = subprocess.run(["ffmpeg", "-v", "error", *arguments], capture_output=True, check=True, text=True)
    stamps = [float(time) for time in re.findall(r"pts_time:(\S+)", done.stdout)]
    brightness = [float(value) for value in re.findall(r"YAVG=(\S+)", done.stdout)]
    return np.array(stamps), np.array(brightness)


def heard(path: Path, rate: int = 48000) -> np.ndarray:
    """The sound in mono, where its time stamps put it; the first sample is at time stamp 0 of the file."""
    follow = "aresample=async=1:min_hard_comp=0.02:first_pts=0"
    arguments = [
        "-copyts",
        "-i",
        str(path),
        "-map",
        "0:a:0",
        "-af",
        follow,
        "-f",
        "f32le",
        "-ac",
        "1",
        "-ar",
        str(rate),
    ]
    done = subprocess.run(["ffmpeg", "-v", "error", *arguments, "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)
