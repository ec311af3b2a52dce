"""What a run will need of the processor is done before it, and nobody notices."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import comfy.model_management as management
import comfy.utils
import folder_paths
import pytest
from comfy_api.latest import io
from comfy_execution.utils import CurrentNodeContext

import nodes as comfyui_nodes
from frugal_motion.nodes.caching import memoize
from frugal_motion.nodes.caching.memoize import AtWork, memoized
from frugal_motion.nodes.caching.statistics import Statistics
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.host import progress
from frugal_motion.nodes.host.background import background_work
from frugal_motion.nodes.host.frugal_node import FrugalNode, Stage, ledger
from frugal_motion.nodes.host.settings import MOST_JOBS, Settings
from frugal_motion.nodes.host.video import StreamVideo, as_stream
from frugal_motion.nodes.jobs.comfy_queue import QueueMachine, gathering, kind_of
from frugal_motion.nodes.jobs.merge import MOST
from frugal_motion.nodes.jobs.precompute import precompute
from frugal_motion.nodes.keyframes import plan as planning
from frugal_motion.nodes.pose.node import extract_pose as posing
from frugal_motion.nodes.video.stream import CHUNK, Frames, FrameStream

STAGE = Stage("1", "Work", "cpu")
LOADED = {"duration": 0.5, "size": "custom", "width": 96, "height": 96, "fit": "cover"}
PROMPT: dict[str, Any] = {
    "1": {"class_type": "FrugalLoadVideo", "inputs": {"file": "one_person.mp4", **LOADED}},
    "2": {
        "class_type": "FrugalExtractPose",
        "inputs": {"video": ["1", 0], "model": "pose_landmarker_full.task", "people": 1, "confidence": 0.5},
    },
    "3": {
        "class_type": "FrugalSmoothMotion",
        "inputs": {"motion": ["2", 0], "method": "savgol", "strength": 0.5, "max_gap": 0.5},
    },
    "4": {"class_type": "FrugalPlanKeyframes", "inputs": {"motion": ["3", 0], "video": ["1", 0], "every": 2}},
    "5": {"class_type": "FrugalDrawPose", "inputs": {"motion": ["3", 0], "keyframes": ["4", 0]}},
}


@pytest.fixture(autouse=True)
def done(assets: Path, pack: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """ComfyUI with the pack, its clips and models, nothing at work; what has been made, in order."""
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    monkeypatch.setitem(
        folder_paths.folder_names_and_paths, "mediapipe", ([str(assets / "models" / "mediapipe")], {".task"})
    )
    folder_paths.filename_list_cache.pop("mediapipe", None)
    monkeypatch.setattr(memoize, "_at_work", AtWork())
    monkeypatch.setattr(memoize, "statistics", Statistics())
    made: list[str] = []
    extract, thumbnails = posing.extract_pose, planning.thumbnails
    monkeypatch.setattr(posing, "extract_pose", lambda *given: made.append("pose") or extract(*given))
    monkeypatch.setattr(planning, "thumbnails", lambda *given: made.append("plan") or thumbnails(*given))
    return made


def executed(run: str, prompt: dict[str, Any] = PROMPT) -> dict[str, tuple[Any, ...]]:
    """As ComfyUI would run the prompt."""
    outputs: dict[str, tuple[Any, ...]] = {}
    for node_id, node in prompt.items():
        inputs = {
            name: outputs[value[0]][value[1]] if isinstance(value, list) else value
            for name, value in node["inputs"].items()
        }
        with CurrentNodeContext(run, node_id):
            outputs[node_id] = comfyui_nodes.NODE_CLASS_MAPPINGS[node["class_type"]].execute(**inputs).args
    return outputs


def ahead(prompt: dict[str, Any] = PROMPT) -> None:
    in_thread(lambda: precompute(prompt))


def in_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_the_run_finds_the_pose_and_the_plan(done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead()
    assert done == ["pose", "plan"]
    outputs = executed("ahead")
    assert done == ["pose", "plan"], "not again: the keys are the same"
    costs = ledger.meter("ahead").costs
    assert {node_id: cost.cached for node_id, cost in costs.items()} == dict(zip("12345", (0, 1, 0, 1, 0), strict=True))
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path / "other"))
    alone = executed("alone")
    assert done == ["pose", "plan"] * 2
    assert (outputs["3"][0].keypoints == alone["3"][0].keypoints).all()
    assert outputs["4"] == alone["4"] and (outputs["5"][0] == alone["5"][0]).all()


def test_only_the_way_that_a_switch_takes_is_made_ahead(done: list[str]) -> None:
    other = {**PROMPT["2"], "inputs": {**PROMPT["2"]["inputs"], "confidence": 0.7}}
    switch = {"class_type": "FrugalSwitch", "inputs": {"switch": True, "on_true": ["2", 0], "on_false": ["6", 0]}}
    smooth = {**PROMPT["3"], "inputs": {**PROMPT["3"]["inputs"], "motion": ["7", 0]}}
    ahead({**PROMPT, "3": smooth, "6": other, "7": switch})
    assert done == ["pose", "plan"]


def test_what_is_made_ahead_saves_nothing_until_it_is_used_again() -> None:
    ahead()
    assert set(memoize.statistics.as_dict().values()) == {0}
    executed("first")
    assert (memoize.statistics.hits, memoize.statistics.misses) == (0, 2)
    executed("second")
    assert (memoize.statistics.hits, memoize.statistics.misses) == (2, 2)


def test_nobody_sees_hears_pays_or_cancels_it(
    done: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", lambda *given, **more: seen.append(given))
    server = SimpleNamespace(client_id="editor", last_node_id="9", send_progress_text=lambda *given: seen.append(given))
    monkeypatch.setattr(progress.PromptServer, "instance", server, raising=False)
    before = set(ledger.runs())
    management.interrupt_current_processing(True)
    try:
        ahead()
        assert management.processing_interrupted(), "the user's wish is still there for the run"
    finally:
        management.interrupt_current_processing(False)
    assert done == ["pose", "plan"] and seen == [] and set(ledger.runs()) == before
    assert [one for one in caplog.records if one.levelname == "WARNING"] == []
    executed("seen")
    assert any("made ahead of the run" in str(given) for given in seen)


def test_what_there_is_to_say_of_a_file_is_said_by_the_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        with background_work():
            progress.NodeNotes()("damage", "2 frames")
        assert caplog.messages == []
        progress.NodeNotes()("damage", "2 frames")
    assert caplog.messages == ["2 frames"]


@pytest.mark.parametrize(
    ("node_id", "name", "value", "rest"),
    [
        ("1", "file", "none.mp4", []),
        ("2", "model", "none.task", []),
        ("3", "method", "none", ["pose"]),
        ("2", "people", {"__value__": [1]}, []),
        ("2", "video", ["1", 7], []),
        ("4", "motion", ["core", 0], ["pose"]),
    ],
)
def test_what_fails_or_is_not_understood_is_left_to_the_run(
    done: list[str], node_id: str, name: str, value: Any, rest: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    node = PROMPT[node_id]
    changed = {**PROMPT, node_id: {**node, "inputs": {**node["inputs"], name: value}}}
    core = {"core": {"class_type": "LoadImage", "inputs": {"image": "one.png"}}}
    plan_alone = {"6": {"class_type": "FrugalPlanKeyframes", "inputs": {"video": ["7", 0], "every": 3}}}
    load_alone = {"7": PROMPT["1"]}
    ahead({**changed, **core, **plan_alone, **load_alone})
    assert done == [*rest, "plan"] or done == ["plan", *rest], "what does not depend on it is done"
    assert [one for one in caplog.records if one.levelname != "DEBUG"] == []


def test_the_run_does_what_failed_and_says_why() -> None:
    broken = {**PROMPT, "1": {"class_type": "FrugalLoadVideo", "inputs": {**PROMPT["1"]["inputs"], "start": 1e5}}}
    ahead(broken)
    with pytest.raises(InputError, match="start"):
        executed("broken", broken)


def test_only_what_leads_to_something_remembered_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    executions: list[str] = []
    for class_type in {node["class_type"] for node in PROMPT.values()}:
        node_class = comfyui_nodes.NODE_CLASS_MAPPINGS[class_type]
        execute = node_class.execute.__func__

        def noted(cls: Any, *args: Any, _execute: Any = execute, **inputs: Any) -> Any:
            executions.append(cls.__name__)
            return _execute(cls, *args, **inputs)

        monkeypatch.setattr(node_class, "execute", classmethod(noted))
    edited = {**PROMPT, "4": {**PROMPT["4"], "inputs": {"video": ["1", 0], "every": 2}}}
    ahead(edited)
    assert sorted(executions) == ["FrugalExtractPose", "FrugalLoadVideo", "FrugalPlanKeyframes"]


class Untold(FrameStream):
    """A stream that cannot tell what it is made of."""

    def __init__(self, source: FrameStream) -> None:
        self.source, self.info = source, source.info

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        return self.source.chunks(size)


def test_what_could_not_be_kept_for_the_run_is_not_made_ahead(
    done: list[str], pack: list[type[FrugalNode]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (load,) = (node for node in pack if node.__name__ == "FrugalLoadVideo")
    loaded = load.execute

    def untold(**inputs: Any) -> io.NodeOutput:
        video, *others = loaded(**inputs).args
        return io.NodeOutput(StreamVideo(Untold(as_stream(video))), *others)

    monkeypatch.setattr(load, "execute", staticmethod(untold))
    precompute(PROMPT)
    assert done == []
    executed("run")
    assert done == ["pose", "plan"]


def test_without_the_automatic_cache_there_is_nothing_to_do(tmp_path: Path, done: list[str]) -> None:
    folder = tmp_path / "user" / "frugal-motion"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text('{"cache_automatic": false}')
    ahead()
    assert done == []


def test_what_is_only_looked_at_is_no_result(pack: list[type[FrugalNode]]) -> None:
    kinds = {name: kind_of(name).is_output for name in ("FrugalSaveVideo", "FrugalEditMotion", "FrugalCompare")}
    assert kinds == {"FrugalSaveVideo": True, "FrugalEditMotion": False, "FrugalCompare": False}


def test_nodes_that_need_a_run_or_the_gpu_take_no_part(pack: list[type[FrugalNode]]) -> None:
    for node_class in pack:
        schema = node_class.define_schema()
        if node_class.PRECOMPUTABLE:
            leaves_something = schema.is_output_node and not node_class.ONLY_SHOWS
            assert not (leaves_something or schema.hidden or schema.is_input_list), schema.node_id
            assert node_class.DEVICE == "cpu" and not any(output.is_output_list for output in schema.outputs)
        assert kind_of(schema.node_id).is_precomputable == node_class.PRECOMPUTABLE
        assert node_class.PRECOMPUTABLE or not node_class.MEMOIZED


class Making:
    """Work that lasts until it is let go of."""

    def __init__(self, fails: bool = False) -> None:
        self.times, self.fails = 0, fails
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> dict[str, int]:
        self.times += 1
        self.begun.set()
        assert self.may_end.wait(30)
        if self.fails:
            raise RuntimeError("no luck")
        return {"made": self.times}


@pytest.fixture
def making() -> Iterator[Making]:
    work = Making()
    yield work
    work.may_end.set()


def beside(make: Callable[[], Any]) -> Any:
    with background_work():
        return memoized(STAGE, {"a": 1}, make)


def in_run(make: Callable[[], Any], inputs: dict[str, Any]) -> Any:
    with CurrentNodeContext("run", "1"):
        return memoized(STAGE, inputs, make)


def test_the_run_waits_for_what_has_begun(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()
    monkeypatch.setattr(memoize, "show_on_node", lambda words: waits.set() if "being made" in words else None)
    other = Mock(return_value={"made": 9})
    with ThreadPoolExecutor() as pool:
        first = pool.submit(beside, making)
        assert making.begun.wait(30)
        second = pool.submit(in_run, other, {"a": 1})
        assert waits.wait(30) and not second.done()
        assert in_run(lambda: {"made": 2}, {"a": 2}) == {"made": 2}, "other work does not wait"
        making.may_end.set()
        assert first.result() == second.result() == {"made": 1}
    assert making.times == 1 and not other.called


def test_what_fails_ahead_is_done_by_the_run_that_waits(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()
    monkeypatch.setattr(memoize, "show_on_node", lambda words: waits.set())
    making.fails = True
    with ThreadPoolExecutor() as pool:
        first = pool.submit(beside, making)
        assert making.begun.wait(30)
        second = pool.submit(in_run, lambda: {"made": 2}, {"a": 1})
        assert waits.wait(30)
        making.may_end.set()
        assert isinstance(first.exception(), RuntimeError)
        assert second.result() == {"made": 2}


def test_who_waits_can_be_cancelled(making: Making) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(beside, making)
        assert making.begun.wait(30)
        second = pool.submit(in_run, making, {"a": 1})
        management.interrupt_current_processing(True)
        assert isinstance(second.exception(30), management.InterruptProcessingException)
        assert not management.processing_interrupted() and not first.done()
        making.may_end.set()
        assert first.result() == {"made": 1}, "which is there for the next run"


def test_one_prompt_is_prepared_at_a_time_also_when_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    may_end = threading.Event()

    def prepared(prompt: Any) -> None:
        begun.append(prompt)
        assert may_end.wait(30)

    monkeypatch.setattr("frugal_motion.nodes.jobs.comfy_queue.precompute", prepared)

    async def all_of_it() -> None:
        machine = QueueMachine(Mock())
        first = asyncio.create_task(machine.prepare({"1": {}}))
        while not begun:
            await asyncio.sleep(0.01)
        first.cancel()
        second = asyncio.create_task(machine.prepare({"2": {}}))
        await asyncio.sleep(0.3)
        assert begun == [{"1": {}}] and not second.done()
        may_end.set()
        await second
        assert begun == [{"1": {}}, {"2": {}}]

    asyncio.run(all_of_it())


@pytest.mark.parametrize(
    ("setting", "device", "ahead"),
    [
        ("auto", "cpu", False),
        ("auto", "cuda", True),
        ("auto", "mps", True),
        ("on", "cpu", True),
        ("off", "cuda", False),
    ],
)
def test_it_is_for_machines_with_a_gpu(setting: Any, device: str, ahead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "get_torch_device", lambda: SimpleNamespace(type=device))
    monkeypatch.setattr("frugal_motion.nodes.jobs.comfy_queue.settings", lambda: Settings(jobs_ahead=setting))
    assert gathering().ahead == ahead
    assert MOST == MOST_JOBS
