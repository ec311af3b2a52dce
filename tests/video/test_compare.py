"""Compare as ComfyUI runs it: what it tells the editor, and that it does nothing without one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl, Types
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host import previews
from frugal_motion.nodes.host.queue import UNWATCHED_CLIENT
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.player_file import packed
from frugal_motion.nodes.video.node import FrugalCompare
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames

from ..ffmpeg import shown_at
from ..motion.synthetic import dance


class Unread(ArrayStream):
    """Frames that nobody may read."""

    def section(self, first: int, end: int, size: int = CHUNK) -> Iterator[Frames]:
        raise AssertionError("it was read")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Server:
        client_id: str | None = "editor"
        last_node_id = None

        def send_sync(self, *_: Any) -> None: ...

        def send_progress_text(self, *_: Any) -> None: ...

    monkeypatch.setattr(previews.PromptServer, "instance", Server(), raising=False)
    return previews.PromptServer.instance


def frames(count: int, width: int = 64, height: int = 48, level: int = 20) -> Frames:
    """Brighter from frame to frame."""
    made = np.empty((count, height, width, 3), np.uint8)
    made[:] = np.linspace(level, 220, count).astype(np.uint8)[:, None, None, None]
    return made


def told(**given: Any) -> dict[str, Any]:
    """What the editor is told in a run."""
    with CurrentNodeContext("run 1", "9"):
        ui = FrugalCompare.execute(**given).ui
    (one,) = ui["frugal_compare"]
    return dict(one)


def film(one: dict[str, Any], temp: Path) -> Path:
    return temp / "temp" / one["film"]["subfolder"] / one["film"]["filename"]


def test_two_videos_are_one_film(server: Any, tmp_path: Path) -> None:
    core = InputImpl.VideoFromComponents(
        Types.VideoComponents(images=torch.from_numpy(frames(20) / np.float32(255)), frame_rate=Fraction(25))
    )
    one = told(video_a=StreamVideo(ArrayStream(frames(20), Fraction(25))), video_b=core)
    side = {"width": 64, "height": 48, "frames": 20, "rate": [25, 1], "video": True, "motion": None}
    assert one["sides"] == [side, side]
    assert (one["frames"], one["rate"], one["step"], one["width"], one["height"]) == (20, [25, 1], 1, 64, 48)
    times, brightness = shown_at(film(one, tmp_path))
    assert times == pytest.approx(np.arange(20) / 25)
    assert (np.diff(brightness) > 0).all()


def test_a_long_clip_is_thinned_evenly(server: Any, tmp_path: Path) -> None:
    one = told(video_a=StreamVideo(ArrayStream(frames(1000, 32, 32), Fraction(50))))
    assert (one["frames"], one["rate"], one["step"]) == (250, [25, 2], 4)
    times, _ = shown_at(film(one, tmp_path))
    assert times == pytest.approx(np.arange(250) / 12.5)


def test_a_motion_has_a_pose_for_every_moment(server: Any, tmp_path: Path) -> None:
    moving = dance(seconds=1, people=2)
    one = told(video_a=StreamVideo(ArrayStream(frames(100), Fraction(50))), motion_a=moving, motion_b=moving)
    assert [side["video"] for side in one["sides"]] == [True, False]
    assert (one["frames"], one["rate"]) == (100, [50, 1])
    at = np.minimum(np.arange(100) // 2, moving.frame_count - 1)  # 25 frames per second on a clock of 50, then held
    wanted = packed(Motion(moving.keypoints[at], Fraction(50), moving.width, moving.height))
    for side in one["sides"]:
        assert (tmp_path / "temp" / "frugal-motion" / side["motion"]["filename"]).read_bytes() == wanted


def test_motions_alone_need_no_film(server: Any) -> None:
    one = told(motion_b=dance(seconds=2, people=1))
    assert one["film"] is None and one["sides"][0] is None and one["frames"] == 50


def test_nothing_to_show_is_told(server: Any) -> None:
    nobody = Motion(np.zeros((0, 1, 18, 3), np.float32), Fraction(25), 64, 48)
    assert told() == told(motion_a=nobody) == {"sides": [None, None]}


def test_what_is_no_video_is_named(server: Any) -> None:
    with pytest.raises(InputError, match="video_b"):
        told(video_b="a text")


@pytest.mark.parametrize("client", [None, UNWATCHED_CLIENT])
def test_nothing_is_read_that_nobody_sees(server: Any, client: str | None, tmp_path: Path) -> None:
    server.client_id = client
    with CurrentNodeContext("run 1", "9"):
        video = StreamVideo(Unread(frames(5), Fraction(25)))
        assert FrugalCompare.execute(video_a=video, video_b=video).ui is None
    assert not list(tmp_path.rglob("*.mp4"))


@pytest.mark.parametrize("client", [None, UNWATCHED_CLIENT])
def test_what_nobody_saw_is_shown_to_the_editor_that_runs_it_again(server: Any, client: str | None) -> None:
    with CurrentNodeContext("run 1", "9"):
        watched = FrugalCompare.fingerprint_inputs()
        assert FrugalCompare.fingerprint_inputs() == watched
        server.client_id = client
        assert FrugalCompare.fingerprint_inputs() != watched


def test_no_preview_stops_a_run(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(previews, "temp_file", full)
    one = told(video_a=StreamVideo(ArrayStream(frames(5), Fraction(25))), motion_a=dance(seconds=1, people=1))
    assert one["film"] is None and one["sides"][0]["motion"] is None and one["sides"][0]["video"]
