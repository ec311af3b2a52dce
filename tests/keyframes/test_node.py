"""Plan Keyframes on real clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from comfy_api.latest import InputImpl

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.keyframes import node
from frugal_motion.nodes.keyframes.adaptive import adaptive
from frugal_motion.nodes.keyframes.expected_error import expected_errors
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


def test_where_people_follow_the_motion_it_alone_counts(film: StreamVideo) -> None:
    motion = swing(27)
    found = plan(motion=motion, video=film, every=5, between="motion")
    assert found.cuts == (12,)
    assert found == adaptive(expected_errors(motion, None), 27, RATE, len(found.frames), (12,))
    assert found != plan(motion=motion, video=film, every=5)
    assert plan(video=film, every=5, method="even", between="motion") == plan(video=film, every=5, method="even")


def test_plans_that_were_kept_before_there_was_a_choice_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(node, "memoized", lambda _, inputs, make: (kept.append(inputs), make())[1])
    motion = swing(9)
    for more in ({}, {"between": "net"}, {"between": "motion"}):
        plan(motion=motion, every=4, **more)
    assert kept[0] == kept[1] == {"motion": motion, "video": None, "grid": (9, RATE), "plan": (4, "adaptive", True)}
    assert kept[2] != kept[0]


@pytest.mark.parametrize("cuts", [False, True])
@pytest.mark.parametrize("method", ["adaptive", "even"])
def test_the_grid_is_that_of_every_other_node(tmp_path: Path, method: str, cuts: bool) -> None:
    """ComfyUI itself counts the frames of a file of uneven frame rate, which for us are not on the grid."""
    ticks = np.cumsum([3900 if index % 50 == 5 else 3000 for index in range(300)])
    with av.open(str(tmp_path / "phone.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width = stream.height = 64
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90000)
        for tick in ticks:
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), format="rgb24")
            frame.pts, frame.time_base = int(tick), Fraction(1, 90000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    video = InputImpl.VideoFromFile(str(tmp_path / "phone.mp4"))
    info = as_stream(video).info
    assert info.frame_count != video.get_frame_count()
    found = plan(video=video, every=4, method=method, cuts=cuts)
    assert (found.frame_count, found.frame_rate) == (info.frame_count, info.frame_rate)
    assert plan(motion=swing(info.frame_count), video=video, every=4, method=method, cuts=cuts).frame_rate == RATE


@pytest.mark.parametrize("method", ["adaptive", "even"])
def test_the_strip_is_told_of_plan_edits_and_pictures(film: StreamVideo, method: str, tmp_path: Path) -> None:
    planned, _ = FrugalPlanKeyframes.execute(4, video=film, method=method).args
    output = FrugalPlanKeyframes.execute(4, video=film, method=method, edits="+1 -16")
    (told,) = output.ui["frugal_keyframes"]
    assert told["frames"] == list(output.args[0].frames) and output.args[1] == len(told["frames"])
    assert 1 in told["frames"] and 16 not in told["frames"]
    assert told["planned"] == list(planned.frames)
    assert len(told["curve"]) == (27 if method == "adaptive" else 0)
    assert told["aspect"] == 1
    assert (tmp_path / "temp" / told["film"]["subfolder"] / told["film"]["filename"]).is_file()


def test_a_motion_alone_has_a_curve_but_no_pictures() -> None:
    (told,) = FrugalPlanKeyframes.execute(4, swing(40), method="even").ui["frugal_keyframes"]
    assert told["film"] is None and told["planned"] is None
    assert np.mean(told["curve"][22:]) > 3 * np.mean(told["curve"][:18])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "neither motion nor video"),
        ({"motion": swing(5), "method": "best"}, "method: found 'best'; allowed: adaptive, even"),
        ({"motion": swing(5), "between": "rife"}, "between: found 'rife'; allowed: net, motion"),
        ({"motion": swing(5), "every": 0}, "every: found 0"),
        ({"motion": swing(5), "edits": "+5"}, "edits: found frame 5; allowed: frames 0 to 4"),
    ],
)
def test_bad_input(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(**{"every": 4, **values})


def test_a_motion_that_is_to_be_followed_must_be_there(film: StreamVideo) -> None:
    with pytest.raises(InputError, match="motion: found nothing; allowed: a motion, where frames between follow it"):
        plan(every=4, video=film, between="motion")
