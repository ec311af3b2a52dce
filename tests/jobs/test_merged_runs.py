"""Nodes that look at the whole prompt, in one that does the work of several jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.economy.node import FrugalCostReport
from frugal_motion.nodes.forecast import node
from frugal_motion.nodes.forecast.node import FrugalCostEstimate
from frugal_motion.nodes.host.frugal_node import ledger
from frugal_motion.nodes.jobs.comfy_queue import kind_of
from frugal_motion.nodes.jobs.gather import batch_key
from frugal_motion.nodes.jobs.merge import Merged, merged
from frugal_motion.nodes.jobs.merged_runs import merged_runs
from frugal_motion.nodes.sampling.node import FrugalKeyframeSampler
from nodes import NODE_CLASS_MAPPINGS

from .graphs import workflow

RUN = "run of two jobs"


def job(file: str) -> dict[str, Any]:
    prompt = workflow(file, prefix=file)
    for name, number, inputs in (("Report", "9", {"after": ["8", 0]}), ("Estimate", "10", {"gpu": "L4"})):
        prompt[number] = {"class_type": f"FrugalCost{name}", "inputs": inputs, "_meta": {"title": name}}
    return prompt


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    for node_class in (FrugalCostEstimate, FrugalCostReport, FrugalKeyframeSampler):
        monkeypatch.setitem(NODE_CLASS_MAPPINGS, node_class.__name__, node_class)


@pytest.fixture
def run() -> Iterator[Merged]:
    run = merged([job("a.mp4"), job("b.mp4")], kind_of)
    with merged_runs.known(RUN, run):
        yield run
    ledger.close(RUN)


def executed(node_class: Any, run: Merged, node_id: str, *values: Any) -> Any:
    node = node_class.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(prompt=run.prompt, unique_id=node_id)
    with CurrentNodeContext(RUN, node_id):
        return node.execute(*values)


def test_a_report_is_of_its_own_job(run: Merged) -> None:
    meter = ledger.meter(RUN)
    for node_id, seconds in (("6", 8.0), ("6~control_images", 0.5), ("7~1", 1.0), ("7~2", 100.0)):
        with meter.stage(node_id, node_id, "cuda:0", run.prompt[node_id]["class_type"]) as cost:
            pass
        cost.seconds, cost.frames = seconds, 8
    meter.costs["6"].shares = {0: 6.0, 1: 2.0}
    reports = [json.loads(executed(FrugalCostReport, run, f"9~{place}", None, 1.0).args[1]) for place in (1, 2)]
    ran = [{row["stage"]: row["seconds"] for row in report["stages"] if not row["cached"]} for report in reports]
    assert ran == [{"Sampler": 6.0, "Interpolate": 1.0}, {"Sampler": 2.0, "Interpolate": 100.0}]
    assert [len(report["clips"]) for report in reports] == [1, 1]
    assert sorted(row["stage"] for row in reports[0]["stages"]) == [
        *("Interpolate", "Load Video", "Plan", "Sampler", "Save")
    ]


def test_an_estimate_is_of_its_own_job(run: Merged, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def workflow_estimate(prompt: Any, *_: Any) -> Any:
        seen.append(prompt)
        raise InterruptedError

    monkeypatch.setattr(node, "workflow_estimate", workflow_estimate)
    for place in (1, 2):
        with pytest.raises(InterruptedError):
            executed(FrugalCostEstimate, run, f"10~{place}", "L4")
    assert seen == [job("a.mp4"), job("b.mp4")]


def test_what_reads_the_prompt_in_front_of_a_model_cannot_be_shared() -> None:
    prompt = job("a.mp4")
    assert batch_key(prompt, kind_of)
    prompt["2"]["inputs"]["after"] = ["10", 0]
    assert not batch_key(prompt, kind_of)
