"""Poses and plans are made once."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Any

import folder_paths
import pytest
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.caching.memoize import memoized
from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.nodes.host.frugal_node import Stage, run_costs
from frugal_motion.nodes.host.video import StreamVideo
from frugal_motion.nodes.keyframes import plan as planning
from frugal_motion.nodes.keyframes.node import FrugalPlanKeyframes
from frugal_motion.nodes.pose.node import FrugalExtractPose
from frugal_motion.nodes.pose.node import extract_pose as posing
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream

STAGE = Stage("1", "Work", "cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path))
    return tmp_path / "frugal-motion" / "cache"


class Work:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, int]:
        self.times += 1
        return {"made": self.times}


def test_the_same_work_is_done_once() -> None:
    work = Work()
    assert [memoized(STAGE, {"a": 1}, work) for _ in range(3)] == [{"made": 1}] * 3
    assert memoized(STAGE, {"a": 2}, work) == {"made": 2}
    assert memoized(Stage("1", "Other work", "cpu"), {"a": 1}, work) == {"made": 3}


def test_inputs_of_unknown_content_and_a_switch_mean_work(cache: Path) -> None:
    work = Work()
    for _ in range(2):
        memoized(STAGE, {"a": object()}, work)
    cache.parent.mkdir(parents=True, exist_ok=True)
    (cache.parent / "settings.json").write_text('{"cache_automatic": false}')
    for _ in range(2):
        memoized(STAGE, {"a": 1}, work)
    assert work.times == 4 and not list(cache.rglob("*.safetensors"))


def test_damage_and_a_full_disk_do_not_stop_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    memoized(STAGE, {"a": 1}, work)
    (content,) = cache.rglob("*.safetensors")
    content.write_bytes(content.read_bytes()[:-1] + b"?")
    assert memoized(STAGE, {"a": 1}, work) == {"made": 2}
    assert "damaged" in caplog.text

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EntryStore, "add", full)
    with caplog.at_level(logging.WARNING):
        assert memoized(STAGE, {"a": 3}, work) == {"made": 3}
    assert "No space left" in caplog.text


def test_poses_and_plans_of_a_clip_are_found_again(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        folder_paths.folder_names_and_paths, "mediapipe", ([str(assets / "models" / "mediapipe")], {".task"})
    )
    folder_paths.filename_list_cache.pop("mediapipe", None)
    calls: list[str] = []
    extract, thumbnails = posing.extract_pose, planning.thumbnails
    monkeypatch.setattr(posing, "extract_pose", lambda *given: calls.append("pose") or extract(*given))
    monkeypatch.setattr(planning, "thumbnails", lambda *given: calls.append("plan") or thumbnails(*given))
    settings = DecodeSettings(size=(96, 96), fit="cover", duration=None)

    def run(people: int = 1) -> tuple[Any, Any]:
        video = StreamVideo(FileStream(assets / "input" / "one_person.mp4", settings), STAGE)
        (motion,) = FrugalExtractPose.execute(video, "pose_landmarker_full.task", people, 0.5).args
        plan, _ = FrugalPlanKeyframes.execute(8, motion, video).args
        return motion, plan

    (motion, plan), (again, plan_again) = run(), run()
    assert calls == ["pose", "plan"]
    assert (motion.keypoints == again.keypoints).all() and motion.region == again.region and plan == plan_again
    run(people=2)
    assert calls.count("pose") == 2


def test_of_a_list_the_report_tells_how_much_was_cached() -> None:
    stage, run = Stage("1", "Pose", "cpu"), uuid.uuid4().hex
    for number, clip in enumerate(["known", "new", "known", object()]):
        with CurrentNodeContext(run, "1", number):
            memoized(stage, {"clip": clip}, lambda: 1)
    with CurrentNodeContext(run, "2"):
        cost = run_costs()["1"]
    assert (cost.hits, cost.misses, cost.cached) == (1, 3, False)
