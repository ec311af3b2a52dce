"""Frames made smaller."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.video.shrunk import ShrunkStream
from frugal_motion.nodes.video.stream import ArrayStream

RATE = Fraction(12)


@pytest.mark.parametrize(("size", "longest", "expected"), [((80, 60), 40, (40, 30)), ((60, 90), 30, (20, 30))])
def test_the_longer_side_is_no_longer_and_means_are_kept(
    size: tuple[int, int], longest: int, expected: tuple[int, int]
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, size[1], size[0], 3), np.uint8)
    stream = ShrunkStream(ArrayStream(frames, RATE), longest)
    found = np.concatenate(list(stream.chunks(4)))
    assert (stream.info.width, stream.info.height) == expected and found.shape[2:0:-1] == expected
    factor = size[0] // expected[0]
    means = frames.reshape(9, expected[1], factor, expected[0], factor, 3).mean(axis=(2, 4))
    assert np.abs(found - means).max() <= 0.51
    np.testing.assert_array_equal(np.concatenate(list(stream.section(3, 8, 2))), found[3:8])


def test_smaller_frames_stay_as_they_are() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)
    stream = ShrunkStream(ArrayStream(frames, RATE), 30)
    np.testing.assert_array_equal(next(stream.chunks()), frames)
    assert stream.info == ArrayStream(frames, RATE).info
