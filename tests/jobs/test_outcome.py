"""What the end of a run means for each job."""

from __future__ import annotations

import pytest

from frugal_motion.nodes.jobs.merge import merged
from frugal_motion.nodes.jobs.outcome import LEFT_OUT, Again, Done, Ended, Failed, costs, verdicts

from .graphs import kinds, workflow

FILES = ("a.mp4", "b.mp4", "c.mp4")
THREE = merged([workflow(file, prefix=file) for file in FILES], kinds)
ALONE = merged([workflow()], kinds)
SHOWN = {f"8~{place}": {"images": [{"filename": f"{place}.mp4"}]} for place in (1, 2, 3)}
MEMORY = "torch.OutOfMemoryError"


def test_everyone_gets_his_own_files() -> None:
    found = verdicts(THREE, Ended("success", SHOWN), kinds)
    assert [done.outputs[0]["data"]["images"][0]["filename"] for done in found] == ["1.mp4", "2.mp4", "3.mp4"]
    assert found[1].outputs[0] | {"data": 0} == {"node": "8", "title": "Save", "class": "FrugalSaveVideo", "data": 0}


def test_a_clip_that_the_sampler_leaves_out_fails_alone() -> None:
    left_out = {"6": {"text": ["…"], LEFT_OUT: [{"place": 1, "error": "too small"}]}}
    found = verdicts(THREE, Ended("success", {**left_out, "8~1": {}, "8~3": {}}), kinds)
    assert found[1] == Failed("Sampler: too small")
    assert isinstance(found[0], Done) and isinstance(found[2], Done)


def test_jobs_that_a_second_sampler_was_not_run_for_are_tried_without_the_one_that_was_left_out() -> None:
    left_out = {"6": {LEFT_OUT: [{"place": 1, "error": "too small"}]}}
    assert verdicts(THREE, Ended("success", left_out), kinds) == [Again(), Failed("Sampler: too small"), Again()]


def test_a_node_of_one_job_takes_that_job_alone() -> None:
    found = verdicts(THREE, Ended("error", {"8~1": {}}, "1~2", "no video", "InputError"), kinds)
    assert isinstance(found[0], Done), "it had its result already"
    assert found[1:] == [Failed("Load Video: no video"), Again()]


@pytest.mark.parametrize("node", ["6", "6~control_images"])
def test_what_fails_for_all_together_is_tried_with_half(node: str) -> None:
    assert verdicts(THREE, Ended("error", {}, node, "x", "ValueError"), kinds) == [Again(most=2)] * 3


def test_what_is_equal_for_all_fails_for_all() -> None:
    found = verdicts(THREE, Ended("error", {}, "2", "no such file", "ValueError"), kinds)
    assert found == [Failed("Checkpoint: no such file")] * 3


def test_short_memory_is_a_reason_to_try_with_fewer() -> None:
    assert verdicts(THREE, Ended("error", {}, "2", "x", MEMORY), kinds) == [Again(most=2)] * 3
    assert verdicts(THREE, Ended("error", {}, "7~1", "x", MEMORY), kinds) == [Again(most=1), Again(), Again()]
    assert verdicts(ALONE, Ended("error", {}, "7", "x", MEMORY), kinds) == [Failed("Interpolate: x")]


def test_a_prompt_that_comfyui_refuses_is_not_the_fault_of_a_job_yet() -> None:
    assert verdicts(THREE, Ended("refused", {}, "1~2", "x"), kinds) == [Again(), Again(most=1), Again()]
    assert verdicts(THREE, Ended("refused", {}, "", "x"), kinds) == [Again(most=2)] * 3
    assert verdicts(ALONE, Ended("refused", {}, "", "x"), kinds) == [Failed("x")]


@pytest.mark.parametrize("status", ["lost", "stopped"])
def test_without_an_outcome_all_but_the_finished_run_again(status: str) -> None:
    found = verdicts(THREE, Ended(status, {"8~2": {}}), kinds)
    assert isinstance(found[1], Done) and found[0] == found[2] == Again(crashed=True)


def test_costs_add_up() -> None:
    stage = {"device": "cuda:0", "gpu_seconds": 6.0, "seconds": 7.0}
    stages = [
        ("6", {**stage, "shares": {"0": 1.0, "1": 2.0, "2": 0.0}}),
        ("7~3", {**stage, "shares": {}}),
        ("2", {**stage, "device": "cpu", "gpu_seconds": 0.0}),
    ]
    found = costs(THREE, stages, 3600)
    assert [cost["gpu_seconds"] for cost in found] == [2.0, 4.0, 6.0] == [cost["dollars"] for cost in found]
    assert sum(cost["seconds"] for cost in found) == pytest.approx(21, abs=0.01)
