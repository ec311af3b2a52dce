"""What Interpolate Frames shows of its choice, once its frames have been read."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import folder_paths
import numpy as np
import pytest
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.host import previews
from frugal_motion.nodes.host.queue import UNWATCHED_CLIENT
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.interpolation.guided.gate import JudgedShot, ToldKeyframe
from frugal_motion.nodes.interpolation.guided.likeness import structural_similarity
from frugal_motion.nodes.interpolation.node import FrugalInterpolate
from frugal_motion.nodes.interpolation.node.shown_ways import MOST_KEYFRAMES, ShownWays
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.video.stream import ArrayStream

from .scene import GRID, RATE, Blend, Scene


class Server:
    """Remembers what the editor is told."""

    def __init__(self) -> None:
        self.client_id: str | None = "editor"
        self.sent: list[tuple[str, dict[str, Any], str]] = []

    def send_sync(self, *given: Any) -> None:
        self.sent.append(given)

    def send_progress_text(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    server = Server()
    monkeypatch.setattr(previews.PromptServer, "instance", server, raising=False)
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    return server


@pytest.fixture
def interpolated(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StreamVideo]:
    """What the node gives for a scene, with a net that only blends."""
    monkeypatch.setattr("frugal_motion.nodes.interpolation.node.interpolate.NetInterpolator", lambda *_: Blend())
    monkeypatch.setattr("frugal_motion.nodes.interpolation.node.interpolate.accelerator", lambda _: None)

    class Patcher:
        model = None

    def run(scene: Scene, **more: Any) -> StreamVideo:
        source = StreamVideo(ArrayStream(scene.keys, GRID))
        with CurrentNodeContext("run 1", "5"):
            video = FrugalInterpolate.execute(source, Patcher(), float(RATE), scene.plan, **more).args[0]
        assert isinstance(video, StreamVideo)
        return video

    return run


def shown(server: Server, video: StreamVideo) -> list[dict[str, Any]]:
    """What the node shows after another one has read its video."""
    with CurrentNodeContext("run 1", "9"):
        for _ in video.stream.chunks():
            pass
    (event, told, client) = server.sent[-1]
    assert (event, client, told["node"], told["prompt_id"]) == ("executed", "editor", "5", "run 1")
    assert told["output"]["images"], "beside the video"
    return list(told["output"]["frugal_ways"])


def read(temp: Path, file: dict[str, str]) -> np.ndarray:
    picture = cv2.imread(str(temp / file["subfolder"] / file["filename"]))
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1])


def test_known_keyframes_as_both_ways_tell_them(
    server: Server, interpolated: Callable[..., StreamVideo], tmp_path: Path
) -> None:
    scene = Scene()
    (told,) = shown(server, interpolated(scene, motion=scene.motion))
    assert told["ways"] == ["net alone", "motion"] and told["seconds"] == pytest.approx(17 / 12, abs=1e-3)
    (shot,) = told["shots"]
    assert (shot["from"], shot["to"], shot["way"]) == (0, told["seconds"], "motion")
    assert [one["frame"] for one in shot["keyframes"]] == [4, 8, 12]
    for place, one in enumerate(shot["keyframes"], start=1):
        assert one["time"] == pytest.approx(one["frame"] / 12, abs=1e-3)
        assert np.abs(read(tmp_path, one["truth"]).astype(int) - scene.keys[place]).mean() < 4
        blend = cv2.addWeighted(scene.keys[place - 1], 0.5, scene.keys[place + 1], 0.5, 0)
        assert np.abs(read(tmp_path, one["told"]["net alone"]).astype(int) - blend).mean() < 4
        likeness = {way: structural_similarity(read(tmp_path, file), scene.keys[place]).mean()
                    for way, file in one["told"].items()}  # fmt: skip
        assert likeness["motion"] > likeness["net alone"]
        assert one["likeness"]["motion"] > one["likeness"]["net alone"]
    means = np.mean([[one["likeness"][way] for way in told["ways"]] for one in shot["keyframes"]], axis=0)
    assert [shot["likeness"][way] for way in told["ways"]] == pytest.approx(means, abs=2e-3)


def test_each_shot_has_its_own_way_and_time(server: Server, interpolated: Callable[..., StreamVideo]) -> None:
    scene = Scene(frames=22, cuts=(11,))
    keypoints = scene.motion.keypoints.copy()
    keypoints[11:] = Scene(seed=9, frames=22).motion.keypoints[11:]
    (told,) = shown(server, interpolated(scene, motion=scene.motion.with_keypoints(keypoints)))
    spans = [(shot["from"], shot["to"], shot["way"]) for shot in told["shots"]]
    assert spans == [(0, 0.917, "motion"), (0.917, 1.833, "net alone")]
    assert [[one["frame"] for one in shot["keyframes"]] for shot in told["shots"]] == [[4, 8], [15, 19]]


@pytest.mark.parametrize("given", [{}, {"way": "motion"}, {"way": "net alone"}, {"frames": 5}])
def test_nothing_is_shown_where_nothing_was_compared(
    server: Server, interpolated: Callable[..., StreamVideo], tmp_path: Path, given: dict[str, Any]
) -> None:
    scene = Scene(frames=given.pop("frames", 17))
    more = {"motion": scene.motion, **given} if given or len(scene.keys) == 2 else {}
    assert shown(server, interpolated(scene, **more)) == []
    assert not list(tmp_path.rglob("*.jpg"))


def test_an_upscaling_in_front_is_no_trouble(server: Server, interpolated: Callable[..., StreamVideo]) -> None:
    scene = Scene(frames=9)
    video = interpolated(scene, motion=scene.motion)
    charged: Any = video.stream
    large = np.stack([cv2.resize(picture, None, fx=2, fy=2) for picture in scene.keys])
    (told,) = shown(server, StreamVideo(charged.source.over(ArrayStream(large, GRID)), charged.stage))
    assert told["shots"][0]["keyframes"][0]["width"] == large.shape[2]


@pytest.mark.parametrize("client", [None, UNWATCHED_CLIENT])
def test_no_pictures_are_made_that_nobody_sees(
    server: Server, interpolated: Callable[..., StreamVideo], tmp_path: Path, client: str | None
) -> None:
    server.client_id = client
    scene = Scene(frames=9)
    with CurrentNodeContext("run 1", "9"):
        for _ in interpolated(scene, motion=scene.motion).stream.chunks():
            pass
    assert server.sent == [] and not list(tmp_path.rglob("*.jpg"))


def test_no_picture_stops_a_run(
    server: Server, interpolated: Callable[..., StreamVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(previews, "temp_file", full)
    scene = Scene(frames=9)
    with CurrentNodeContext("run 1", "9"):
        for _ in interpolated(scene, motion=scene.motion).stream.chunks():
            pass
    (told,) = server.sent[-1][1]["output"]["frugal_ways"]
    assert told["shots"][0]["keyframes"][0]["truth"] is None


def test_a_film_of_many_shots_keeps_one_keyframe_of_each(server: Server) -> None:
    shots = 2 * MOST_KEYFRAMES
    plan = Keyframes.all_frames(6 * shots, Fraction(12), tuple(range(6, 6 * shots, 6)))
    ways = ShownWays(plan)
    picture = np.zeros((2000, 500, 3), np.uint8)
    told = [ToldKeyframe(place, picture, {"another": picture}, {"another": 0.5}) for place in (1, 2, 3)]
    with CurrentNodeContext("run 1", "9"):
        for number in range(shots):
            ways.add(JudgedShot(number, "another", told))
    (found,) = ways.as_ui()["frugal_ways"]
    assert [len(shot["keyframes"]) for shot in found["shots"]] == [1] * shots
    assert found["shots"][-1]["keyframes"][0]["frame"] == 6 * (shots - 1) + 1
    assert found["ways"] == ["another"], "whatever it is called"
