"""What an entry says that it took: the work in front of its cache, for its own job, and of the GPU apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from comfy_execution.graph import DynamicPrompt
from comfy_execution.utils import CurrentNodeContext

from frugal_motion.nodes.caching.configured import cache
from frugal_motion.nodes.caching.entry import Entry, Spent
from frugal_motion.nodes.caching.node import FrugalHashCache
from frugal_motion.nodes.caching.node import hash_cache as caching
from frugal_motion.nodes.caching.statistics import Statistics
from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.nodes.host.frugal_node import ledger
from frugal_motion.nodes.jobs.comfy_queue import kind_of
from frugal_motion.nodes.jobs.merge import merged
from frugal_motion.nodes.jobs.merged_runs import merged_runs
from frugal_motion.nodes.sampling.node import FrugalKeyframeSampler
from frugal_motion.nodes.server.cache_routes import status
from nodes import NODE_CLASS_MAPPINGS

from ..jobs.graphs import workflow

RUN = "a run with caches"


@pytest.fixture(autouse=True)
def _run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FRUGAL_MOTION_GPU_PRICE", "900")  # a quarter of a dollar per second
    monkeypatch.setattr(caching, "statistics", Statistics())
    monkeypatch.setitem(NODE_CLASS_MAPPINGS, "FrugalKeyframeSampler", FrugalKeyframeSampler)
    yield
    ledger.close(RUN)


def job(file: str) -> dict[str, Any]:
    """With a cache behind the interpolation."""
    inputs = {"value": ["7", 0], "motion_style": "", "enabled": True}
    return {**workflow(file), "9": {"class_type": "FrugalHashCache", "inputs": inputs}}


def worked(node_id: str, device: str, seconds: float, gpu_seconds: float = 0.0, **more: Any) -> None:
    with ledger.meter(RUN).stage(node_id, node_id, device) as cost:
        pass
    cost.seconds, cost.gpu_seconds = seconds, gpu_seconds
    vars(cost).update(more)


def shown(prompt: Any, node_id: str, value: Any, refresh: bool = False) -> Any:
    """The badge of a cache that ComfyUI executes."""
    node = FrugalHashCache.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(unique_id=node_id, dynprompt=DynamicPrompt(prompt))
    with CurrentNodeContext(RUN, node_id):
        node.check_lazy_status([None], [""], [True], [refresh])
        return node.execute([value], [""], [True], [refresh]).ui["frugal_cache"][0]


def test_only_what_is_in_front_counts_and_dollars_are_of_the_gpu() -> None:
    prompt = {**job("a.mp4"), "10": {"class_type": "FrugalInterpolate", "inputs": {"frames": ["1", 0]}}}
    worked("1", "cpu", 3.0)
    worked("6", "cuda:0", 5.0, 4.0)
    worked("7", "mps", 2.0)  # no marks: on the wall
    worked("10", "cuda:0", 1000.0, 1000.0)  # another branch
    miss = shown(prompt, "9", torch.zeros(1, 4, 4, 3))
    assert (miss["state"], miss["seconds"], miss["dollars"]) == ("miss", 10, 1.5)
    hit = shown(prompt, "9", None)
    assert (hit["state"], hit["seconds"], hit["dollars"]) == ("hit", 10, 1.5)
    found = status(cache(), caching.statistics.as_dict())
    assert (found["seconds_saved"], found["gpu_seconds_saved"], found["dollars_saved"]) == (10, 6, 1.5)
    assert [(entry["seconds"], entry["gpu_seconds"]) for entry in found["entries"]] == [(10, 6)]


def test_a_job_among_others_counts_its_own_part() -> None:
    run = merged([job("a.mp4"), job("b.mp4")], kind_of)
    with merged_runs.known(RUN, run):
        worked("6", "cuda:0", 8.0, 6.0, shares={0: 3.0, 1: 1.0})
        worked("7~1", "cuda:0", 1.0, 1.0)
        worked("7~2", "cuda:0", 100.0, 100.0)
        took = [shown(run.prompt, f"9~{place}", torch.zeros(1, 4, 4, 3)) for place in (1, 2)]
    assert [(one["seconds"], one["dollars"]) for one in took] == [(7.0, 5.5 / 4), (102.0, 101.5 / 4)]


def test_an_older_entry_saves_seconds_and_no_dollars(tmp_path: Path) -> None:
    store = EntryStore(tmp_path)
    store.add("ab" * 32, "values", ".bin", lambda path: path.write_bytes(b"1") and None, lambda: Spent(9.0, 8.0))
    (file,) = tmp_path.rglob("*.json")
    facts = json.loads(file.read_text())
    assert facts.pop("gpu_seconds") == 8
    file.write_text(json.dumps(facts))
    entry = store.find("ab" * 32)
    assert isinstance(entry, Entry) and entry.spent == Spent(9.0, 0.0)
