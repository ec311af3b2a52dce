"""Runs that are kept tell how fast this machine is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import folder_paths
import pytest

from frugal_motion.nodes.economy.run_keeper import stored_runs
from frugal_motion.nodes.forecast.calibration import measured_of, measured_runs
from frugal_motion.nodes.forecast.edit_work import work
from frugal_motion.nodes.forecast.throughput import Measured, calibrated
from frugal_motion.nodes.forecast.walk import planned
from frugal_motion.nodes.metering.meter import StageCost

PROMPT = {
    "1": {"class_type": "FrugalLoadVideo", "inputs": {"file": "one_person.mp4", "frame_rate": 12, "size": "384"}},
    "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "frugal-demo.ckpt"}},
    "3": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "frugal-demo-openpose.safetensors"}},
    "4": {"class_type": "FrugalPlanKeyframes", "inputs": {"video": ["1", 0], "every": 4}},
    "5": {
        "class_type": "FrugalKeyframeSampler",
        "inputs": {"model": ["2", 0], "control_net": ["3", 0], "vae": ["2", 2], "keyframes": ["4", 0], "steps": 10},
    },
    "6": {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}},
}


@pytest.fixture(autouse=True)
def _folders(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))
    for folder in ("checkpoints", "controlnet", "frame_interpolation"):
        paths = [str(assets / "models" / folder)]
        monkeypatch.setitem(folder_paths.folder_names_and_paths, folder, (paths, {".safetensors", ".ckpt"}))
    return


def record(*stages: StageCost, **changes: Any) -> dict[str, Any]:
    return {
        "status": "success",
        "card": "Some Card",
        "prompt": PROMPT,
        "stages": [asdict(stage) for stage in stages],
        **changes,
    }


SAMPLER = StageCost("Sampler", "cuda:0", 20.0, 6, kind="FrugalKeyframeSampler", gpu_seconds=19.0, load_seconds=4.0)
LOADER = StageCost("Load", "cpu", 2.0, 60, kind="FrugalLoadVideo")


def test_stages_become_measurements_without_the_loading_of_models() -> None:
    job = planned(PROMPT)
    done = work(job.job, job.nets)
    flops = sum(done[name].flops or 0 for name in ("sample", "decode"))
    assert measured_of(record(SAMPLER, LOADER)) == [
        Measured("sample", "Some Card", pytest.approx(flops), 6, 15.0),
        Measured("load", "cpu", 0.0, 20, 2.0),  # frames of the clip, however often it was read
    ]


def test_the_net_and_the_figures_that_it_is_given_are_measured_apart() -> None:
    prompt = PROMPT | {
        "7": {"class_type": "FrugalLoadInterpolator", "inputs": {"model_name": "rife_v4.26.safetensors"}},
        "8": {
            "class_type": "FrugalInterpolate",
            "inputs": {"frames": ["5", 0], "interp_model": ["7", 0], "frame_rate": 25, "keyframes": ["4", 0],
                       "motion": ["9", 0]},
        },
        "9": {"class_type": "FrugalLoadMotion", "inputs": {}},
    }  # fmt: skip
    stage = StageCost("Frames", "cuda:0", 12.0, 42, kind="FrugalInterpolate", gpu_seconds=11.0, net_seconds=5.0,
                      load_seconds=1.0)  # fmt: skip
    found = {one.stage: one for one in measured_of(record(stage) | {"prompt": prompt})}
    assert (found["interpolate"].device, found["interpolate"].seconds) == ("Some Card", 4)
    assert (found["figures"].device, found["figures"].seconds) == ("cpu", 7)
    frames = found["interpolate"].frames
    assert found["figures"].frames == frames > 0
    assert calibrated(list(found.values()), "Some Card").cpu_seconds("figures", 2 * frames) == pytest.approx(14)
    before = record(stage) | {"prompt": prompt}
    del before["stages"][0]["net_seconds"]  # as earlier versions have kept it
    assert [one.seconds for one in measured_of(before)] == [10]


def test_an_estimate_of_the_same_work_is_what_it_took() -> None:
    measured = measured_of(record(SAMPLER, LOADER))
    speed = calibrated(measured, "Some Card")
    assert speed.seconds("sample", measured[0].flops, 6) == pytest.approx(15)
    assert speed.cpu_seconds("load", 40) == pytest.approx(4)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "error"},
        {"prompt": {}},
        {"prompt": {"1": {"class_type": "KSampler", "inputs": {}}}},
        {"stages": [asdict(StageCost("Sampler", "-", cached=True, kind="FrugalKeyframeSampler"))]},
        {"stages": [asdict(replace(SAMPLER, hits=1, clips={0: 1.0, 1: 19.0}))]},
        {"stages": [asdict(StageCost("Other", "cpu", 3.0, kind="SomeoneElses"))]},
    ],
    ids=["failed", "forgotten", "no workflow of ours", "cached", "partly cached", "foreign"],
)
def test_what_tells_nothing_is_passed_over(changes: dict[str, Any]) -> None:
    assert measured_of(record(SAMPLER) | changes) == []


def test_the_latest_runs_are_read_from_disk() -> None:
    assert measured_runs() == []
    stored_runs().add("a", 1, record(SAMPLER))
    stored_runs().add("b", 2, record(SAMPLER, status="error"))
    assert [one.seconds for one in measured_runs()] == [15]
