"""What pixels are shown: transparent ones, and those of files that do not say their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from tests.ffmpeg import X264, ffmpeg, source

RED = (220, 40, 40)
SOFT = 128
"""Alpha of the right half of the red square."""


def transparent(path: Path, *codec: object) -> Path:
    """A red square, half of it half transparent, on green that nobody should see."""
    raw = np.zeros((6, 48, 64, 4), np.uint8)
    raw[..., :3] = (0, 255, 0)
    raw[:, 16:32, 16:48] = (*RED, 255)
    raw[:, 16:32, 32:48, 3] = SOFT
    (path.parent / "raw").write_bytes(raw.tobytes())
    video = ("-f", "rawvideo", "-pix_fmt", "rgba", "-s", "64x48", "-r", 12, "-i", path.parent / "raw")
    ffmpeg(*video, *codec, path)
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mov", ("-c:v", "prores_ks", "-profile:v", 4444, "-pix_fmt", "yuva444p10le")),
        ("b.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")),
        ("c.mov", ("-c:v", "png", "-pix_fmt", "rgba")),
        ("d.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-lossless", 1)),
        ("e.webm", ("-c:v", "libvpx", "-auto-alt-ref", 0, "-pix_fmt", "yuva420p", "-crf", 4, "-b:v", "4M")),
        ("f.mkv", ("-c:v", "ffv1", "-pix_fmt", "yuva420p")),
        ("g.mkv", ("-c:v", "utvideo", "-pix_fmt", "gbrap")),
    ],
)
def test_what_is_transparent_is_shown_on_black(tmp_path: Path, name: str, codec: tuple[object, ...]) -> None:
    path = transparent(tmp_path / name, *codec)
    frame = next(FileStream(path).chunks())[3].astype(int)
    assert np.abs(frame[4, 4]).max() <= 2
    assert np.abs(frame[24, 24] - RED).max() <= 6
    assert np.abs(frame[24, 40] - np.array(RED) * SOFT / 255).max() <= 6
    small = next(FileStream(path, DecodeSettings(size=(32, 24))).chunks())[3].astype(int)
    assert small[..., 1].max() <= frame[..., 1].max() + 6, "hidden colours do not bleed into what is seen"


@pytest.mark.parametrize("size", ["64x48", "62x46"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mov", ("-c:v", "prores_ks", "-profile:v", 4444, "-pix_fmt", "yuva444p10le")),
        ("b.mov", ("-c:v", "png", "-pix_fmt", "rgba64be")),
        ("c.mkv", ("-c:v", "ffv1", "-pix_fmt", "yuva420p10le")),
        ("d.mkv", ("-c:v", "ffv1", "-pix_fmt", "gbrap12le")),
        ("e.mkv", ("-c:v", "ffv1", "-pix_fmt", "yuva420p")),
    ],
)
def test_every_pixel_of_a_picture_with_alpha_is_shown(
    tmp_path: Path, name: str, codec: tuple[object, ...], size: str
) -> None:
    """FFmpeg 8 loses halves of some lines of 16 bits where it drops nothing but their alpha."""
    ffmpeg(*source("color", c="0x757575", s=size, r=5, d=1), *codec, path := tmp_path / name)
    frame = next(FileStream(path).chunks())[0].astype(int)
    assert np.abs(frame - 0x75).max() <= 2


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ("1280x720", "bt709"),
        ("1280x544", "bt709"),
        ("1920x800", "bt709"),
        ("576x1024", "bt709"),
        ("720x1280", "bt709"),
        ("640x480", "bt601"),
        ("720x576", "bt601"),
        ("854x480", "bt601"),
    ],
)
def test_colours_that_nothing_tells_are_guessed_as_mpv_does(tmp_path: Path, size: str, matrix: str) -> None:
    """BT.709 from 1280 pixels of width or above 576 of height on."""
    conversion = f"scale=out_color_matrix={matrix},format=yuv420p"
    ffmpeg(
        *source("color", c="0xC82828", s=size, r=5, d=1), "-vf", conversion, *X264, "-qp", 1, path := tmp_path / "a.mp4"
    )
    colour = next(FileStream(path).chunks())[0].reshape(-1, 3).mean(axis=0)
    assert np.abs(colour - (200, 40, 40)).max() <= 4
