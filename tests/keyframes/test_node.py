"""Plan Keyframes on real clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.node import FrugalPlanKeyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.stream import ArrayStream

RATE = Fraction(12)


@pytest.fixture(scope="module")
def film(assets: Path) -> StreamVideo:
    """Two shots: 12 frames of one clip, 15 of another."""
    settings = DecodeSettings(frame_rate=RATE, size=(128, 128), fit="cover")
    one, two = (
        np.concatenate(list(FileStream(assets / "input" / f"{name}.mp4", settings).chunks()))
        for name in ("one_person", "two_people")
    )
    return StreamVideo(ArrayStream(np.concatenate((one[:12], two[:15])), RATE))


def plan(**values: object) -> Keyframes:
    keyframes, count = FrugalPlanKeyframes.execute(**values).args
    assert count == len(keyframes.frames)
    return keyframes


def swing(frames: int) -> Motion:
    """Someone stands for half of the clip, then swings an arm."""
    rng = np.random.default_rng(1)
    keypoints = np.ones((frames, 1, 18, 3), np.float32)
    keypoints[..., :2] = rng.uniform(0.4, 0.6, (1, 1, 18, 2))
    time = np.arange(frames) - frames // 2
    keypoints[:, 0, 4, 0] += np.where(time > 0, 0.2 * np.sin(time), 0)
    return Motion(keypoints, RATE, 64, 64)


@pytest.mark.parametrize("method", ["adaptive", "even"])
def test_every_shot_begins_and_ends_with_a_keyframe(film: StreamVideo, method: str) -> None:
    found = plan(video=film, every=4, method=method)
    assert found.cuts == (12,) and {0, 11, 12, 26} <= set(found.frames)
    assert len(found.frames) == len(every_nth(27, RATE, 4, (12,)).frames)
    assert plan(video=film, every=4, method=method, cuts=False).cuts == ()


def test_keyframes_gather_where_something_moves() -> None:
    found = plan(motion=swing(40), every=4)
    assert len(found.frames) == len(every_nth(40, RATE, 4).frames)
    assert sum(frame >= 20 for frame in found.frames) > 0.7 * len(found.frames)
    assert plan(motion=swing(40), every=4, method="even") == every_nth(40, RATE, 4)


def test_motion_and_video_together(film: StreamVideo) -> None:
    assert plan(motion=swing(27), video=film, every=5).cuts == (12,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "neither motion nor video"),
        ({"motion": swing(5), "method": "best"}, "method: found 'best'; allowed: adaptive, even"),
        ({"motion": swing(5), "every": 0}, "every: found 0"),
    ],
)
def test_bad_input(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(**{"every": 4, **values})
