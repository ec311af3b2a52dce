"""Small clips, made with PyAV alone so that they do not depend on the code under test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest


def grey(index: int) -> int:
    """The shade of frame ``index``: 60 of them, far enough apart to survive lossy coding."""
    return 8 + (index * 11) % 60 * 4


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    rate: Fraction = Fraction(30),
    stamps: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    pixel_format: str = "yuv444p",
    encoder: str = "libx264",
    rotation: int = 0,
    aspect: Fraction | None = None,
    sound: np.ndarray | None = None,
    tags: dict[str, int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write RGB pictures; ``stamps`` are in units of ``time_base``; ``sound`` is mono at 48 kHz."""
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream(encoder, rate=rate, options=options or {"qp": "4"})
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = pixel_format
        context = video.codec_context
        context.time_base = time_base or 1 / rate
        if aspect:
            context.sample_aspect_ratio = aspect
        for name, value in (tags or {"colorspace": 1, "color_range": 1}).items():
            setattr(context, name, value)
        if rotation:
            video.set_display_rotation(rotation)
        audio: Any = output.add_stream("aac", rate=48000, layout="mono") if sound is not None else None
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            matrix = "ITU709" if context.colorspace == 1 else "ITU601"
            frame = frame.reformat(format=pixel_format, dst_colorspace=matrix, dst_color_range="MPEG")
            frame.pts = stamps[index] if stamps else index
            frame.time_base = context.time_base
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if audio is not None:
            block = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
            output.mux(audio.encode(block))
            output.mux(audio.encode(None))
    return path


def solids(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Plain frames, each of its own shade."""
    return [np.full((height, width, 3), grey(index), np.uint8) for index in range(count)]


def quadrants(width: int = 96, height: int = 64) -> np.ndarray:
    """Red, green / blue, white: shows which way up a picture is."""
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[: height // 2, : width // 2] = (255, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 255)
    return picture


def clicks(seconds: float, at: Sequence[float], rate: int = 48000) -> np.ndarray:
    """Silence with a 1 ms click at each of the given seconds."""
    samples = np.zeros(int(seconds * rate), np.float32)
    for second in at:
        samples[round(second * rate) : round(second * rate) + rate // 1000] = 0.9
    return samples


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """``clip("name.mp4", pictures, **options)`` writes a clip."""
    return lambda name, pictures, **options: write_clip(tmp_path / name, pictures, **options)


@pytest.fixture
def real_clip(assets: Path) -> Path:
    """A person, 1080x1920, 60 frames/s, 100 frames, no colour tags."""
    return assets / "input" / "one_person.mp4"
