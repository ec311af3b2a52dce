"""One prompt that means what several mean."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.jobs.merge import merged

from .graphs import SAVE, kinds, meaning, workflow

JOBS = st.lists(
    st.builds(
        workflow,
        st.sampled_from(["a.mp4", "b.mp4"]),
        st.sampled_from(["a robot", "a statue"]),
        st.integers(1, 2),
        prefix=st.sampled_from(["x", "y"]),
    ),
    min_size=1,
    max_size=5,
)


@given(JOBS)
def test_every_job_gets_what_it_would_get_alone(prompts) -> None:
    before = copy.deepcopy(prompts)
    run = merged(prompts, kinds)
    for place, prompt in enumerate(prompts):
        saves = [
            node_id
            for node_id, node in run.prompt.items()
            if node["class_type"] == SAVE and place in run.owners[node_id]
        ]
        assert len(saves) == 1
        assert meaning(run.prompt, [saves[0], 0]) == meaning(prompt, ["8", 0])
    assert prompts == before, "the jobs' own prompts stay as they are"


@given(JOBS)
def test_every_node_has_an_owner_and_an_origin(prompts) -> None:
    run = merged(prompts, kinds)
    assert run.owners.keys() == run.prompt.keys() == run.origins.keys()
    for node_id, places in run.owners.items():
        if len(places) == 1 and len(prompts) > 1:
            prompt, origin = run.origin(node_id)
            assert prompt is prompts[places[0]]
            assert prompt[origin]["class_type"] == run.prompt[node_id]["class_type"]


def test_what_is_equal_is_there_once_and_the_sampler_too() -> None:
    run = merged([workflow("a.mp4", seed=1, prefix="x"), workflow("b.mp4", seed=2, prefix="y")], kinds)
    classes = sorted(node["class_type"] for node in run.prompt.values())
    assert classes.count("CheckpointLoaderSimple") == 1 and classes.count("CLIPTextEncode") == 2
    assert classes.count("FrugalJobsSampler") == 1 and "FrugalKeyframeSampler" not in classes
    assert classes.count("FrugalLoadVideo") == classes.count(SAVE) == 2
    assert run.prompt["6"]["inputs"]["positive"] == ["3", 0], "one prompt for all needs no list"
    assert run.prompt["6~seed"]["inputs"] == {"item_1": 1, "item_2": 2}
    assert run.prompt["7~2"]["inputs"]["frames"] == ["6", 2]


def test_jobs_that_differ_in_their_files_only_share_all_the_work() -> None:
    run = merged([workflow(prefix="x"), workflow(prefix="y")], kinds)
    assert len(run.prompt) == len(workflow()) + 1
    assert run.prompt["8~1"]["inputs"]["video"] == run.prompt["8~2"]["inputs"]["video"] == ["7", 0]


def test_a_job_alone_stays_as_it_is() -> None:
    assert merged([workflow()], kinds).prompt == workflow()


def test_wires_that_go_in_a_circle() -> None:
    prompts = [workflow(), workflow("b.mp4")]
    for prompt in prompts:
        prompt["1"]["inputs"]["again"] = ["7", 0]
    with pytest.raises(InputError, match="circle"):
        merged(prompts, kinds)


def test_a_node_that_reads_the_prompt_is_there_for_every_job() -> None:
    estimate = {"9": {"class_type": "FrugalCostEstimate", "inputs": {}}}
    run = merged([{**workflow(seed=seed), **estimate} for seed in (1, 2)], kinds)
    assert [run.owners[f"9~{place}"] for place in (1, 2)] == [(0,), (1,)]
