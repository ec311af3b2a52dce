"""A stage that nobody has heard of: its folder is put beside the others, and no other file says a word of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import execution
import pytest

import frugal_motion
import nodes as comfyui_nodes
from frugal_motion import nodes as rooms
from frugal_motion.nodes.caching.values import VALUES
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast.workflow_estimate import estimate_prompt
from frugal_motion.nodes.host.frugal_node import ledger
from frugal_motion.nodes.host.queue import accepted
from frugal_motion.nodes.jobs.comfy_queue import kind_of
from frugal_motion.nodes.jobs.gather import batch_key
from frugal_motion.nodes.jobs.merge import Merged, merged
from frugal_motion.nodes.jobs.merged_runs import merged_runs
from frugal_motion.nodes.jobs.outcome import Done, Ended, Failed, verdicts
from frugal_motion.nodes.jobs.precompute import precompute
from frugal_motion.nodes.server.clips import clip_sizes
from frugal_motion.nodes.stages import MENU as LISTED_STAGES

VALUE = '''
"""How grainy a clip is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..storable import Storable


@dataclass(frozen=True)
class Grain(Storable):
    STORED_AS: ClassVar[str] = "grain"

    levels: tuple[float, ...]

    def to_fields(self) -> dict[str, Any]:
        return {"levels": list(self.levels)}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> "Grain":
        return cls(tuple(fields["levels"]))
'''

NODE = '''
"""The nodes that load, measure and add grain."""

from fractions import Fraction

import numpy as np
import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..batched import Batched, JobResults
from ..caching.memoize import memoized
from ..errors import InputError
from ..host.frugal_node import FrugalNode
from ..host.video import StreamVideo, as_stream
from ..video.stream import ArrayStream
from ..video.tensors import to_image
from . import forecast
from .grain import Grain
from .inverted import InvertedStream

GrainWire = io.Custom("TEST_GRAIN")
CATEGORY = "Frugal Motion/Grain"


class TestLoadGrain(FrugalNode):
    FORECAST = staticmethod(forecast.load_grain)
    PRECOMPUTABLE = True
    CLIP_INPUTS = frozenset({"frames"})

    @classmethod
    def define_schema(cls):
        inputs = [io.Int.Input("frames", default=4), io.Int.Input("level", default=0), io.Int.Input("width", default=8)]
        return io.Schema("TestLoadGrain", "Load Grain", CATEGORY, inputs=inputs, outputs=[io.Video.Output()])

    @classmethod
    def execute(cls, frames, level, width):
        return io.NodeOutput(StreamVideo(clip(frames, level, width), cls.stage()))

    @classmethod
    def clips_to_load(cls, inputs):
        return [clip(**inputs).info]


class TestInvert(FrugalNode):
    FORECAST = staticmethod(forecast.invert)
    PRECOMPUTABLE = True

    @classmethod
    def define_schema(cls):
        inputs, outputs = [io.Video.Input("video")], [io.Video.Output()]
        return io.Schema("TestInvert", "Invert", CATEGORY, inputs=inputs, outputs=outputs)

    @classmethod
    def execute(cls, video):
        return io.NodeOutput(StreamVideo(InvertedStream(as_stream(video)), cls.stage()))


class TestMeasureGrain(FrugalNode):
    PRECOMPUTABLE = True
    MEMOIZED = True

    @classmethod
    def define_schema(cls):
        outputs = [GrainWire.Output(display_name="grain")]
        return io.Schema("TestMeasureGrain", "Measure Grain", CATEGORY, [io.Video.Input("video")], outputs)

    @classmethod
    def execute(cls, video):
        stream = as_stream(video)
        return io.NodeOutput(memoized(cls.stage(), {"video": stream}, lambda: measured(stream)))


class TestAddGrain(FrugalNode):
    FORECAST = staticmethod(forecast.add_grain)
    DEVICE = "gpu"
    BATCHED = Batched("TestAddGrainOfJobs", frozenset({"video", "grain"}), ("A job's frames.", "A job's grain."))

    @classmethod
    def define_schema(cls):
        return io.Schema(
            "TestAddGrain",
            "Add Grain",
            CATEGORY,
            is_input_list=True,
            inputs=[io.Video.Input("video"), GrainWire.Input("grain"), io.Float.Input("amount", default=1.0)],
            outputs=[
                io.Image.Output(display_name="frames", is_output_list=True),
                GrainWire.Output(display_name="grain", is_output_list=True),
            ],
        )

    @classmethod
    def execute(cls, **lists):
        return io.NodeOutput(*map(list, cls.execute_for_jobs(**lists).outputs))

    @classmethod
    def execute_for_jobs(cls, video, grain, amount):
        left_out, outputs = {}, []
        for place, (one, found) in enumerate(zip(video, grain, strict=True)):
            frames = to_image(as_stream(one).frames_at(range(len(found.levels))))
            if frames.max() == 1:
                left_out[place] = "video: found white; allowed: what grain can be seen on"
            outputs.append((ExecutionBlocker(None), found) if place in left_out else (frames * amount[0], found))
        return JobResults(tuple(zip(*outputs)), left_out, f"{len(video)} clips")


class TestShowGrain(FrugalNode):
    @classmethod
    def define_schema(cls):
        inputs, outputs = [io.Image.Input("frames"), GrainWire.Input("grain")], [io.Image.Output(display_name="frames")]
        return io.Schema("TestShowGrain", "Show Grain", CATEGORY, inputs, outputs, is_output_node=True)

    @classmethod
    def execute(cls, frames, grain):
        return io.NodeOutput(frames, ui={"text": [f"{len(frames)} {frames.mean():.3f} {grain.levels}"]})


def measured(stream):
    return Grain(tuple(float(frame.mean()) for chunk in stream.chunks() for frame in chunk))


def clip(frames=4, level=0, width=8):
    return ArrayStream(np.full((frames, 8, width, 3), level, np.uint8), Fraction(2))


NODES = (TestLoadGrain, TestInvert, TestMeasureGrain, TestAddGrain, TestShowGrain)
'''

STREAM = '''
"""A stream with its colours inverted."""

from ..video.stream import CHUNK, FrameStream


class InvertedStream(FrameStream):
    def __init__(self, source):
        self.source, self.info = source, source.info

    def content(self):
        return self.source

    def chunks(self, size=CHUNK):
        return (255 - chunk for chunk in self.source.chunks(size))
'''

FORECAST = '''
"""What loading and adding grain will take."""

from ..forecast.facts import Clips, DeviceWork, Forecast, pictures
from ..forecast.inputs import every_frame


def load_grain(inputs):
    frames = int(inputs.value("frames"))
    return Forecast((pictures(frames, (int(inputs.value("width")), 8)),), (DeviceWork("load", "cpu", frames),))


def invert(inputs):
    return every_frame(inputs, "video", "invert")


def add_grain(inputs):
    video = inputs.needed("video", Clips, "a video")
    return Forecast((video,), (DeviceWork("grain", "gpu", video.frames, video.frames * 2e12),))
'''

FOLDER = "a_stage_of_a_test"

# All that there is of the stage.
STAGE = {
    "__init__.py": '"""Grain: measured, and put back."""',
    "grain.py": VALUE,
    "inverted.py": STREAM,
    "forecast.py": FORECAST,
    "node.py": NODE,
}

MENU = ["TestLoadGrain", "TestInvert", "TestMeasureGrain", "TestAddGrain", "TestShowGrain"]
TOGETHER = "TestAddGrainOfJobs"
MEMORY = {"lru": 0, "ram": 0.0, "ram_inactive": 0.0}
"""Of ComfyUI's own cache, as older and newer releases name it."""


@pytest.fixture(autouse=True)
def _pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """ComfyUI with the pack, as if the stage's folder lay beside the others."""
    before = menu()
    folder = tmp_path / "stages" / FOLDER
    folder.mkdir(parents=True)
    for name, text in STAGE.items():
        (folder / name).write_text(text)
    with monkeypatch.context() as patch:
        patch.setattr(rooms, "__path__", [*rooms.__path__, str(folder.parent)])
        for node_class in pack():
            patch.setitem(comfyui_nodes.NODE_CLASS_MAPPINGS, node_class.define_schema().node_id, node_class)
        yield
    for name in [name for name in sys.modules if name.startswith(f"{rooms.__name__}.{FOLDER}")]:
        del sys.modules[name]
    vars(rooms).pop(FOLDER, None)
    assert menu() == before


def pack() -> list[Any]:
    return list(asyncio.run(frugal_motion.comfy_entrypoint().get_node_list()))


def menu() -> list[str]:
    return [node_class.define_schema().node_id for node_class in pack()]


def grain() -> ModuleType:
    return sys.modules[f"{rooms.__name__}.{FOLDER}.grain"]


def job(level: int, **loaded: Any) -> dict[str, Any]:
    """Load, measure, add, show, report."""
    return {
        "1": node("TestLoadGrain", **{"frames": 4, "level": level, "width": 8, **loaded}),
        "2": node("TestMeasureGrain", video=["1", 0]),
        "3": node("TestAddGrain", video=["1", 0], grain=["2", 0], amount=0.5),
        "4": node("TestShowGrain", frames=["3", 0], grain=["3", 1]),
        "5": node("FrugalCostReport", after=["4", 0], gpu_price=1.0),
    }


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def executed(prompt: dict[str, Any], run: str) -> dict[str, Any]:
    """What nodes show when ComfyUI runs a prompt, with nothing in its own cache."""
    outputs = asyncio.run(accepted(prompt, run))
    executor = execution.PromptExecutor(Mock(client_id=None), execution.CacheType.CLASSIC, MEMORY)
    executor.execute(prompt, run, {}, outputs)
    assert executor.success, executor.status_messages
    shown: dict[str, Any] = executor.history_result["outputs"]
    return shown


def executed_together(*jobs: dict[str, Any]) -> tuple[Merged, list[Any]]:
    run = merged(jobs, kind_of)
    with merged_runs.known("several", run):
        return run, verdicts(run, Ended("success", executed(run.prompt, "several")), kind_of)


def shown_by(verdict: Any, title: str) -> Any:
    (data,) = [output["data"] for output in verdict.outputs if output["title"] == title]
    return data


def test_it_is_in_the_menu_behind_the_stages_that_are_there() -> None:
    listed = menu()
    first = listed.index(MENU[0])
    assert listed[first : first + len(MENU)] == MENU
    by_name = [one for one in pack() if one.__module__.split(".")[2] not in LISTED_STAGES and not one.LISTED_BEHIND]
    assert by_name[0].define_schema().node_id == MENU[0], "behind all stages whose place is said"
    assert listed[-1] == TOGETHER, "last are the nodes that work for several jobs"
    told = {node_class.define_schema().node_id: node_class.GET_NODE_INFO_V1() for node_class in pack()}
    assert told["TestAddGrain"]["category"] == "Frugal Motion/Grain" and not told["TestAddGrain"]["deprecated"]
    assert told[TOGETHER]["deprecated"] and told[TOGETHER]["input"] == told["TestAddGrain"]["input"]
    assert told[TOGETHER]["output"][:4] == ["IMAGE", "TEST_GRAIN"] * 2


def test_its_costs_are_in_the_report() -> None:
    shown = executed(job(100), "alone")
    assert shown["4"]["text"] == ["4 0.196 (100.0, 100.0, 100.0, 100.0)"], "half of 100 / 255"
    (report,) = shown["5"]["frugal_report"]
    stages = {stage["kind"]: stage for stage in report["stages"]}
    assert stages.keys() == set(MENU) - {"TestInvert"}
    assert stages["TestAddGrain"]["frames"] == 4


def test_its_work_is_in_the_estimate() -> None:
    found = estimate_prompt(job(100, frames=6), {"gpu": "L4"})
    told = {stage["stage"]: (stage["device"], stage["frames"], stage["flops"]) for stage in found["stages"]}
    assert told == {"load": ("cpu", 6, 0), "grain": ("gpu", 6, 12e12)}
    assert found["dollars"] > 0 and not found["unknown"]


def test_jobs_share_its_batched_node_and_each_gets_what_it_gets_alone() -> None:
    jobs = [job(100), job(40), job(7)]
    assert len({batch_key(one, kind_of) for one in jobs}) == 1
    run, ended = executed_together(*jobs)
    classes = [node["class_type"] for node in run.prompt.values()]
    assert classes.count(TOGETHER) == 1 and "TestAddGrain" not in classes
    for one, done in zip(jobs, ended, strict=True):
        assert isinstance(done, Done)
        assert shown_by(done, "TestShowGrain") == executed(one, "alone")["4"]
        (report,) = shown_by(done, "FrugalCostReport")["frugal_report"]
        assert {stage["stage"] for stage in report["stages"]} == set(MENU) - {"TestInvert"}
    together = ledger.meter("several").costs["3"]
    assert (together.kind, together.frames) == (TOGETHER, 12)


def test_a_job_that_it_leaves_out_fails_alone() -> None:
    _, (first, second) = executed_together(job(100), job(255))
    assert isinstance(first, Done)
    assert second == Failed(f"{TOGETHER}: video: found white; allowed: what grain can be seen on")


def test_what_all_its_jobs_share_must_be_equal() -> None:
    other = job(40)
    other["3"]["inputs"]["amount"] = 0.25
    assert batch_key(other, kind_of) != batch_key(job(100), kind_of) != ""


def test_what_it_memoizes_is_made_once_also_ahead_of_the_run() -> None:
    precompute(job(100))
    executed(job(100), "first")
    executed(job(101), "other")
    assert [ledger.meter(run).costs["2"].cached for run in ("first", "other")] == [True, False]


def test_work_on_its_streams_is_memoized_as_if_they_were_files() -> None:
    inverted = {**job(100), "6": node("TestInvert", video=["1", 0])}
    inverted["2"]["inputs"]["video"] = ["6", 0]
    precompute(inverted)
    assert "(155.0, 155.0, 155.0, 155.0)" in executed(inverted, "inverted")["4"]["text"][0]
    assert ledger.meter("inverted").costs["2"].cached
    executed(job(100), "as it is")
    assert not ledger.meter("as it is").costs["2"].cached


def test_work_on_every_frame_is_in_the_estimate_before_it_is_saved() -> None:
    saved = {
        **job(100, frames=6),
        "6": node("TestInvert", video=["1", 0]),
        "7": node("FrugalSaveVideo", video=["6", 0]),
    }
    found = [(one["stage"], one["frames"]) for one in estimate_prompt(saved, {"gpu": "L4"})["stages"]]
    assert found.index(("load", 6)) < found.index(("invert", 6)) < found.index(("save", 6)) == len(found) - 1


def test_its_values_are_kept_on_disk(tmp_path: Path) -> None:
    value = grain().Grain((1.0, 2.5))
    VALUES.save([value], tmp_path / "value.safetensors")
    assert VALUES.load(tmp_path / "value.safetensors") == [value]
    behind = {**job(100), "6": node("FrugalHashCache", value=["2", 0], motion_style="", enabled=True)}
    behind["4"]["inputs"]["grain"] = ["6", 0]
    states = [executed(behind, run)["6"]["frugal_cache"][0]["state"] for run in ("kept", "found")]
    assert states == ["miss", "hit"]


def test_its_clips_have_a_length_and_a_size_before_they_are_loaded() -> None:
    assert clip_sizes(job(100, width=24), 2.0) == ["24x8"]
    with pytest.raises(InputError, match=r"TestLoadGrain\.duration: found 2\.0 s"):
        clip_sizes(job(100), 1.5)
    wired = {**job(100, frames=["7", 0]), "7": node("Sum", a=["8", 0]), "8": node("PrimitiveInt", value=1)}
    with pytest.raises(InputError, match="frames: found a wire from Sum"):
        clip_sizes(wired, 2.0)
