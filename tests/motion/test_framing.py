"""A motion keeps to its person through every size, fit and crop of the clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.framing import reframed
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.geometry import FITS, Region
from frugal_motion.nodes.video.stream import VideoInfo

SPOT = (170, 95)
"""Centre of the spot in the file's picture of 320 x 180 pixels; every crop below shows it."""


def film(path: Path, rotation: int = 0) -> Path:
    """A white spot on black, stored on its side if asked."""
    rows, columns = np.mgrid[:180, :320]
    picture = np.where(np.hypot(columns + 0.5 - SPOT[0], rows + 0.5 - SPOT[1]) < 12, 255, 0).astype(np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=12, options={"qp": "4"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv444p"
        if rotation:
            stream.set_display_rotation(rotation)
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture[..., None].repeat(3, 2), format="rgb24")))
        output.mux(stream.encode(None))
    return path


def spotted(stream: FileStream) -> Motion:
    """A motion whose nose is the spot, measured in the stream's own pixels."""
    frame = stream.frames_at([0])[0, :, :, 0].astype(np.float64)
    rows, columns = np.mgrid[: frame.shape[0], : frame.shape[1]] + 0.5
    keypoints = np.zeros((1, 1, 18, 3), np.float32)
    keypoints[0, 0, 0] = (
        (columns * frame).sum() / frame.sum() / frame.shape[1],
        (rows * frame).sum() / frame.sum() / frame.shape[0],
        0.9,
    )
    info = stream.info
    return Motion(keypoints, info.frame_rate, info.width, info.height, info.region)


SIZES = [None, (96, 96), (200, 80), (80, 200), (640, 640), (312, 176)]


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", FITS)
def test_the_spot_is_found_where_the_other_picture_shows_it(
    tmp_path: Path, fit: str, size: tuple[int, int] | None, rotation: int
) -> None:
    path = film(tmp_path / "spot.mp4", rotation)
    whole = FileStream(path)
    other = FileStream(path, DecodeSettings(size=size, fit=fit, multiple=8))  # type: ignore[arg-type]
    for first, second in ((whole, other), (other, whole)):
        moved, measured = reframed(spotted(first), second.info), spotted(second)
        apart = (moved.keypoints[0, 0, 0] - measured.keypoints[0, 0, 0]) * (second.info.width, second.info.height, 1)
        pixel = max(1, second.info.width / first.info.width, second.info.height / first.info.height)
        assert np.abs(apart).max() < 0.6 * pixel
        assert (moved.width, moved.height, moved.region) == (measured.width, measured.height, measured.region)
        assert not moved.keypoints[0, 0, 1:].any()  # missing joints stay missing


places = st.floats(-0.5, 0.5)
sides = st.floats(0.2, 3)
regions = st.builds(Region, st.just("file"), places, places, sides, sides)


@given(regions, regions, st.integers(0, 2**32 - 1))
def test_there_and_back_is_identity(here: Region, there: Region, seed: int) -> None:
    keypoints = np.random.default_rng(seed).uniform(0, 1, (2, 2, 18, 3)).astype(np.float32)
    motion = Motion(keypoints, Fraction(12), 64, 48, here)
    away = reframed(motion, VideoInfo(100, 100, Fraction(12), 2, there))
    back = reframed(away, VideoInfo(64, 48, Fraction(12), 2, here))
    np.testing.assert_allclose(back.keypoints, motion.keypoints, atol=1e-5)


@pytest.mark.parametrize(("source", "found"), [("", "an unknown file"), ("other", "another file than the motion's")])
def test_another_file_is_refused(source: str, found: str) -> None:
    motion = Motion(np.zeros((1, 1, 18, 3), np.float32), Fraction(12), 8, 8, Region("file"))
    with pytest.raises(InputError, match=found):
        reframed(motion, VideoInfo(8, 8, Fraction(12), 1, Region(source)))
