"""Source and result next to each other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.video.side_by_side import SideBySideStream
from frugal_motion.nodes.video.stream import ArrayStream, Waveform


def greys(values: list[int], rate: int, width: int, height: int, sound: Waveform | None = None) -> ArrayStream:
    frames = np.broadcast_to(np.uint8(values)[:, None, None, None], (len(values), height, width, 3))
    return ArrayStream(frames, Fraction(rate), sound)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_each_moment_shows_both(size: int) -> None:
    sound = Waveform(np.zeros((1, 10), np.float32), 10)
    source = greys([10, 20, 30, 40], 2, width=8, height=4)
    beside = SideBySideStream(source, greys([100, 110, 120, 130, 140, 150], 3, width=6, height=8, sound=sound))
    assert (beside.info.width, beside.info.height, beside.info.frame_rate) == (16 + 6, 8, 3)
    assert beside.audio is sound
    frames = np.concatenate(list(beside.chunks(size)))
    assert len(frames) == 6
    assert frames[:, 4, 3, 0].tolist() == [10, 10, 20, 30, 30, 40]  # 0, 2/3, 4/3, 2, 8/3, 10/3 frames of the source
    assert frames[:, 4, 19, 0].tolist() == [100, 110, 120, 130, 140, 150]


def test_a_shorter_source_is_held_at_its_end() -> None:
    beside = SideBySideStream(greys([1, 2], 10, 4, 4), greys([5] * 6, 10, 4, 4))
    assert np.concatenate(list(beside.chunks()))[:, 0, 0, 0].tolist() == [1, 2, 2, 2, 2, 2]
